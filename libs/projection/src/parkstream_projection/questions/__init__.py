"""Questions to the log, answered in memory.

Reading order: recorded_events (the log passed), snapshots and legs (what need not be folded again), as_of (another
time), what_if (other rules), plate_story (one car), words, records_in_words and story_in_words (as people read it),
search (some records), record_names and find (by whatever a person has), unreadable.
"""
