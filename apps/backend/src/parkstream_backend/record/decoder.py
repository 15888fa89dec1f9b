"""How a delivery is read: as a sighting, or not at all; and what of it the log is asked to keep."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from parkstream_eventlog import Candidate
from parkstream_events import topology
from parkstream_events.log_schema import CATEGORIES
from parkstream_events.sightings import Sighting, microseconds
from parkstream_events.wire import Refusal, UnreadableError, decode_sighting
from parkstream_messaging.batch_subscriber import Delivery

PUBLISHED_AT_US_MAX = 2**53
OTHER_KEYS: Final[Mapping[str, frozenset[str]]] = {
    queue: frozenset(topology.WORK_QUEUES.values()) - {key} for queue, key in topology.WORK_QUEUES.items()
}
"""What no message in a work queue may have been published as: a RabbitMQ may let a camera add keys that it has not."""


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

    def read(self, delivery: Delivery) -> Sighting:
        """Return the sighting that *delivery* reports; raise ``UnreadableError`` when it reports none."""
        if delivery.routing_key in OTHER_KEYS.get(self.queue, ()):
            detail = f"published as {delivery.routing_key}, which is not for this queue: by a further key, CC or BCC"
            raise UnreadableError(Refusal.MISROUTED, detail)
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
