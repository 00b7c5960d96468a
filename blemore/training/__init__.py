"""The classifiers, their training loop and its random numbers (sections 4.5 to 4.7)."""
