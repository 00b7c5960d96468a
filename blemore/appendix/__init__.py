"""How the simulation works, how it was fitted, and what it must not reveal (not in the paper)."""
