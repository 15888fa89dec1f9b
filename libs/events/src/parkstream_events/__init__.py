"""The contract that every service shares. Reading order: sightings, decisions, summaries, wire, topology, keys."""
