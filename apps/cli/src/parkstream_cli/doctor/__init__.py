"""``parkstream doctor``.

Reading order: rabbitmq, redis, services, summaries, signoz_stack, command (all of it).
"""
