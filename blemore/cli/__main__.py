"""``python -m blemore.cli``."""

from blemore.cli import main

main()
