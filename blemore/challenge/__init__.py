"""The task of section 3: labels, clips, decisions, both accuracies, and the files that people bring."""
