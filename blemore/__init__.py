"""Executable companion to the BLEMORE workshop and competition paper.

Import the module you need (``from blemore import clips, metrics``); this file imports none of them, so
that a page of the book depends only on what it uses.
"""

__version__ = "0.1.0"
