"""Whether projections, outbox and summary file say what the log says.

Reading order: projections (what they say of themselves), undelivered, contents, summaries and differences (the file
against the log), run (all of it, after the log itself).
"""
