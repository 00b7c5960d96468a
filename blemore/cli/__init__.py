"""The ``blemore`` command: a skin over the package's public functions.

Every command takes ``--json`` and then prints one JSON document and nothing else on stdout. Errors go
to stderr in one line: exit code 2 for bad input, 1 where a check or a page fails.
"""

from blemore.cli import book_commands, extract_features, fetch_data, list_encoders, score_and_tune, submit, train
from blemore.cli.group import main

__all__ = [
    "book_commands",
    "extract_features",
    "fetch_data",
    "list_encoders",
    "main",
    "score_and_tune",
    "submit",
    "train",
]
