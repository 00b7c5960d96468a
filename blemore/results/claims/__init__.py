"""What the paper claims, section by section, each with its check; ``ledger`` brings them together."""
