"""From frames to one row per clip: the seven statistics, feature tables and their files (sections 4.3 and 4.4)."""
