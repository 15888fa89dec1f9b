"""``parkstream doctor``. Reading order: findings, rabbitmq, redis, services, command (all of it)."""
