"""Records sightings, projects visits, delivers summaries.

Reading order: listen, recorder, acks, dead_letters, pause (record); project, timekeeper (project); deliver, posting,
batch (deliver); duties, monitor, health, routes, app (the process).
"""
