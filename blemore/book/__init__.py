"""From notebooks to the built book: parameters, executed pages, table of contents, HTML."""
