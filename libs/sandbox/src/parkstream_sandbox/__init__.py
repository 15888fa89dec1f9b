"""Private RabbitMQ, Redis and service processes that leave nothing behind."""
