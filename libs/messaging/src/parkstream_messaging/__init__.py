"""The topology as FastStream objects. Reading order: topology, connection, tolerance, batch_subscriber."""

from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import (
    DEAD_LETTERS,
    DEAD_LETTERS_EXCHANGE,
    ENTRIES,
    EVENTS,
    EXITS,
    SEEN_ENTERING,
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
    "TopologyMismatchError",
    "declare",
    "declare_exchange",
    "declare_queue",
    "make_broker",
]
