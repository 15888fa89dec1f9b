"""What is there, and what to do about it.

Reading order: findings, rabbitmq, redis, services, examination, signoz_stack.
"""
