"""Records sightings, projects visits, delivers summaries.

Reading order: listen, recorder, acks, dead_letters, pause (record); follower, watermark_generator; deliver, posting,
breaker (deliver); duties, monitor, health, routes, app (the process).
"""
