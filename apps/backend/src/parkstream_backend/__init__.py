"""Records sightings, projects visits, delivers summaries.

Reading order: app and parts (the process), record, project, deliver (its roles); health, monitor (how it is).
"""
