"""How a delivery is read: as a sighting, or not at all; and what of it the log is asked to keep."""

from typing import Final

from msgspec import Struct
from parkstream_eventlog import Candidate
from parkstream_events import topology
from parkstream_events.log_schema import CATEGORIES
from parkstream_events.sightings import Sighting, microseconds
from parkstream_events.wire import Refusal, UnreadableError, decode_sighting
from parkstream_messaging.batch_subscriber import Delivery

PUBLISHED_AT_US_MAX = 2**53
EXCHANGES: Final = frozenset({topology.EVENTS_EXCHANGE, *topology.WORK_QUEUES})
"""By which a sighting comes with the key that its camera chose: a move to another RabbitMQ keeps it."""
NAMES: Final = frozenset({topology.EVENTS_EXCHANGE, *topology.WORK_QUEUES, *topology.WORK_QUEUES.values()})
"""What may be reported of where a message came from: whoever publishes may choose any other key, a plate as well."""


class Camera(Struct, frozen=True):
    """One direction's cameras: the queue, the *kind* of sighting in it, and the type of a message that names none.

    *placeholders*: what they report as the plate when they could read none.
    """

    queue: str
    kind: type[Sighting]
    type: str
    placeholders: frozenset[str]

    def type_of(self, delivery: Delivery) -> str:
        """Return the type, with version, that *delivery* was written as."""
        return delivery.type or self.type

    def path_of(self, delivery: Delivery) -> tuple[str, str, str]:
        """Return by which exchange and key *delivery* came to which queue, without names that are none of ours."""
        exchange = delivery.exchange if delivery.exchange in NAMES else ""
        return exchange, delivery.routing_key if delivery.routing_key in NAMES else "", self.queue

    def read(self, delivery: Delivery) -> Sighting:
        """Return the sighting that *delivery* reports; raise ``UnreadableError`` when it reports none."""
        known = delivery.exchange in EXCHANGES
        if known and delivery.routing_key != topology.WORK_QUEUES.get(self.queue):
            detail = f"published as {delivery.routing_key[:80]!r}, not for this queue: by a further key, CC or BCC"
            raise UnreadableError(Refusal.MISROUTED, detail, quotes=True)
        type_ = self.type_of(delivery)
        seen = decode_sighting(type_, delivery.body, self.placeholders)
        if not isinstance(seen, self.kind):
            detail = f"this queue takes {self.type} and the like, not {type_}"
            raise UnreadableError(Refusal.UNKNOWN_TYPE, detail, quotes=True)
        return seen


def candidate_of(sighting: Sighting, type_: str, delivery: Delivery, traceparent: str | None) -> Candidate:
    """Return what the log is asked to keep: type and body as received, when published, where its trace goes on."""
    return Candidate(
        type_,
        sighting.id,
        delivery.body,
        microseconds(sighting.event_time),
        CATEGORIES[sighting.direction],
        _published_at_in(delivery),
        traceparent,
    )


def _published_at_in(delivery: Delivery) -> int | None:
    """Return the header's value when it can be a time; a wrong header is no reason to refuse a sighting."""
    value = delivery.headers.get(topology.PUBLISHED_AT_HEADER)
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return value if 0 < value < PUBLISHED_AT_US_MAX else None
