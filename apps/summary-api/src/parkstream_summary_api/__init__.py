"""Writes one line per visit revision to a file, and answers when it is on disk.

Reading order: core/ledger, journal, index, indexing, commits, reading, bodies, problems, routes, app.
"""
