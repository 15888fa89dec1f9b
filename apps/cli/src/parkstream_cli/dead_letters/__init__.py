"""``parkstream dead-letters``: what was refused, why, and once more the ordinary way."""
