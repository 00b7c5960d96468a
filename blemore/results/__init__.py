"""Tables 2 and 3 and what follows from them (section 5)."""
