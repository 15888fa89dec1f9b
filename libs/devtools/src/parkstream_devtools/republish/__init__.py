"""Recorded sightings through RabbitMQ again. Reading order: messages (what, when), plan, exchange (where to), run."""
