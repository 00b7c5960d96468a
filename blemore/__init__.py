"""Executable companion to the BLEMORE workshop and competition paper.

Import the module you need (``from blemore.challenge import clips, metrics``). Packages import none of
their modules, so that a page of the book depends only on what it uses.
"""

__version__ = "0.1.0"
