"""Recorded sightings through RabbitMQ once more. Reading order: plan, messages, pace, outlet, exchanges, run."""
