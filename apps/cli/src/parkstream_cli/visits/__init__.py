"""``parkstream visit``: what was said of a car, and why, out of the records of the log."""
