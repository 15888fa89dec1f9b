"""Records sightings, projects visits, delivers summaries."""
