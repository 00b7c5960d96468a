"""Every number that the paper prints, the names that it uses, and how a number is compared with it."""
