"""A backup of one mall's data, taken live, and its way back.

Reading order: manifest (what a backup holds), copies (files, hashed on the way), append_only_files (Redis' own),
instant (all that belongs together, opened at one), taker (``take``), restorer (``restore``).
"""
