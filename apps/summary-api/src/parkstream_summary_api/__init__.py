"""Writes one line per visit revision to a file, and answers when it is on disk.

Reading order: core/ledger, summary_file, index, indexer, group_commit, reader, bodies, problems, routes, app.
"""
