"""Files, processes and settings of the machine; nothing here knows the paper."""
