"""``parkstream log``: what one can do with the log. Reading order: commands, then the file of the command."""
