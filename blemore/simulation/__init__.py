"""Simulated features for readers without the data set (not in the paper)."""
