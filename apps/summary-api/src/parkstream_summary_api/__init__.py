"""Writes one line per visit revision to a local file, and answers when it is on disk."""
