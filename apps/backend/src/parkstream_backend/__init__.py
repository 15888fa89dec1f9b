"""Records sightings, projects visits, delivers summaries.

Reading order: record, project, deliver (a room each); monitor, health, wiring, app (the process).
"""
