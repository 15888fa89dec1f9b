"""RabbitMQ through FastStream.

Reading order: topology (exchanges and queues), nodes, nodes_watch, connection, hang_up, tolerance, batch_subscriber,
sighting_message, confirmed_publisher, confirmed_channel, letter, dead_letters, watch.
"""

from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import (
    DEAD_LETTERS,
    DEAD_LETTERS_EXCHANGE,
    ENTRIES,
    EVENTS,
    EVENTS_THERE,
    EXITS,
    RECORDED,
    SEEN_ENTERING,
    MessagingError,
    TopologyMismatchError,
    TopologyMissingError,
    check_events,
    declare,
    declare_exchange,
    declare_over,
    declare_queue,
    declare_unless_there,
    declare_work_queues,
)

__all__ = [
    "DEAD_LETTERS",
    "DEAD_LETTERS_EXCHANGE",
    "ENTRIES",
    "EVENTS",
    "EVENTS_THERE",
    "EXITS",
    "RECORDED",
    "SEEN_ENTERING",
    "MessagingError",
    "TopologyMismatchError",
    "TopologyMissingError",
    "check_events",
    "declare",
    "declare_exchange",
    "declare_over",
    "declare_queue",
    "declare_unless_there",
    "declare_work_queues",
    "make_broker",
]
