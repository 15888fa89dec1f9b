"""``parkstream doctor``. Reading order: findings, rabbitmq, redis, services, summaries, command (all of it)."""
