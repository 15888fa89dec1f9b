"""What an operator does: looked at first, written to the log, then done.

Reading order: work (what can be done), letters, summaries, records, versions, desk (one at a time), kinds.
"""
