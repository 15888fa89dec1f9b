"""The spans of one trace, and what they say of the car."""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute
from parkstream_telemetry.received_span import ReceivedLink, ReceivedSpan

WRITE: Final = names.SPAN_WRITE.name


class CarTrace(Struct, frozen=True):
    """A trace; *requests* are the POSTs that carried its summaries among others, and belong to traces of their own."""

    trace_id: str
    spans: list[ReceivedSpan]
    requests: list[ReceivedSpan] = []

    @property
    def start_us(self) -> int:
        """When its first span began, µs since the epoch."""
        return min(span.start_us for span in self.spans)

    @property
    def write(self) -> ReceivedSpan | None:
        """The last summary that it brought to disk."""
        writes = [span for span in self.spans if span.name == WRITE]
        return max(writes, key=lambda span: span.end_us, default=None)

    def written(self, attribute: Attribute) -> object:
        """Return what that summary says under *attribute*."""
        return None if self.write is None else self.write.attributes.get(attribute.name)

    @property
    def visit_id(self) -> str | None:
        """Whose summary it brought to disk, if it did."""
        visit_id = self.written(names.ATTRIBUTE_VISIT_ID)
        return None if visit_id is None else str(visit_id)

    @property
    def e2e_duration_ms(self) -> float | None:
        """How long that took from the camera."""
        duration_ms = self.written(names.ATTRIBUTE_E2E_DURATION_MS)
        return float(duration_ms) if isinstance(duration_ms, int | float) else None

    @property
    def links(self) -> Iterator[ReceivedLink]:
        """What it links to, but for its requests: an exit's trace to the entry's."""
        links = (link for span in self.spans if span.name != WRITE for link in span.links)
        return (link for link in links if link.trace_id != self.trace_id)


def request_links(span: ReceivedSpan) -> list[ReceivedLink]:
    """Return what *span* links to when those are the requests that carried it."""
    return span.links if span.name == WRITE else []
