"""``parkstream outbox``: summaries that the server would not take."""
