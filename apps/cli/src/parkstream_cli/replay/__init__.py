"""Questions to the log: what was known, what was true, what would have been."""
