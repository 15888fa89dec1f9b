"""The memory: one append-only log of what happened, kept in a Redis stream."""
