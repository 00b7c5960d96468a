"""Cross-validation, sweeps of many runs, stored runs, the test set and submissions (section 5)."""
