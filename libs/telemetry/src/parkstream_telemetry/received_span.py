"""A span as a receiver got it, in plain data."""

from typing import Any, Final

from msgspec import Struct

KINDS: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
STATUSES: Final = ("UNSET", "OK", "ERROR")
"""Both by their number in OTLP."""


class ReceivedLink(Struct, frozen=True):
    """A span that another one points to."""

    trace_id: str
    span_id: str


class ReceivedEvent(Struct, frozen=True):
    """Something that happened during a span."""

    name: str
    attributes: dict[str, Any]


class ReceivedSpan(Struct, frozen=True):
    """One step of a trace; times in µs since the epoch, ids in hex, no parent as an empty one."""

    trace_id: str
    span_id: str
    parent_span_id: str
    service: str
    name: str
    kind: str
    start_us: int
    end_us: int
    status: str
    attributes: dict[str, Any]
    links: list[ReceivedLink]
    events: list[ReceivedEvent]
