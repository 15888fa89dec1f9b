"""The present: what the rules made of the log, its fenced commit, its hash and its outbox."""
