"""What both cameras share.

The pure core: chance, plates, pace, dwell, matched_share, faults, ids, daily_ids, gates, gate_settings, passages. What
is kept: intents, redis_store, intent_store, parked_cars. RabbitMQ: event_publisher, publisher. The process: settings,
context, http, placeholders, generator.
"""
