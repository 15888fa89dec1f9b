"""``parkstream replay``. Reading order: commands, answers (what they print for people)."""
