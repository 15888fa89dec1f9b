"""RabbitMQ through FastStream.

Reading order: topology (exchanges and queues), connection, tolerance, batch_subscriber, sighting_message,
confirmed_publisher, dead_letters.
"""

from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import (
    DEAD_LETTERS,
    DEAD_LETTERS_EXCHANGE,
    ENTRIES,
    EVENTS,
    EXITS,
    SEEN_ENTERING,
    MessagingError,
    TopologyMismatchError,
    declare,
    declare_exchange,
    declare_queue,
)

__all__ = [
    "DEAD_LETTERS",
    "DEAD_LETTERS_EXCHANGE",
    "ENTRIES",
    "EVENTS",
    "EXITS",
    "SEEN_ENTERING",
    "MessagingError",
    "TopologyMismatchError",
    "declare",
    "declare_exchange",
    "declare_queue",
    "make_broker",
]
