"""What changes by itself: looked at once a second for all viewers, however many there are.

Reading order: history (counts per minute), figures (one look at everything), looks (who is asked), snapshots (the last
look, and who waits for the next), rebuilds (how fast versions of the projection catch up), shared_answer (one look for
all), examination (what the checks of the doctor find).
"""
