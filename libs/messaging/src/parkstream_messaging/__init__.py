"""RabbitMQ through FastStream.

Reading order: errors, topology (exchanges and queues), nodes, nodes_watch, connection, hang_up, tolerance,
batch_subscriber, sighting_message, confirmed_publisher, confirmed_channel, letter, dead_letters, watch.
"""
