"""Where data come from: the release, files that the authors published, recorded tables, simulated features."""
