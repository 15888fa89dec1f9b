"""``parkstream cells``: many malls, each with its endpoints."""
