"""``parkstream doctor``. Reading order: findings, rabbitmq, redis, services, signoz_stack, command (all of it)."""
