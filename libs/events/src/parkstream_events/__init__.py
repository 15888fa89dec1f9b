"""The words, needed by everyone. Reading order: sightings, decisions, summaries, wire, topology, keys."""
