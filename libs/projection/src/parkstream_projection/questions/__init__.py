"""Questions to the log, answered in memory.

Reading order: recorded_events (the log passed), as_of (another time), what_if (other rules), plate_story (one car),
search (some records), unreadable.
"""
