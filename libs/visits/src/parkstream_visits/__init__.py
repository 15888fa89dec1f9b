"""The rules: sightings in, visits out; pure."""
