"""Private server processes. Reading order: process, redis, rabbitmq, install, guardian."""
