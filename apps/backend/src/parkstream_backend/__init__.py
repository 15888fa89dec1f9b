"""Records sightings, projects visits, delivers summaries.

Reading order: listen, recorder, acks, dead_letters, pause (record); follower, watermark_generator; deliver, posting,
batch (deliver); duties, monitor, health, routes, app (the process).
"""
