"""``parkstream doctor``.

Reading order: findings, rabbitmq, redis, services, summaries, signoz_stack, command (all of it).
"""
