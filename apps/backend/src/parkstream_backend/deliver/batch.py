"""Summaries that are posted together, each under a span of its own while there is tracing."""

import time
from collections.abc import Sequence
from typing import Final, Protocol, Self

from parkstream_events.summaries import ItemResult, ItemStatus
from parkstream_telemetry import INVALID_SPAN, Span, Telemetry, end, explanation, traceparent_of

from parkstream_backend.deliver.summary_client import RefusedError

OK: Final = 200
KEPT: Final = frozenset({ItemStatus.WRITTEN, ItemStatus.DUPLICATE})
_KEY: Final = b'"traceparent":'
_OPENING: Final = len(_KEY) + 1
_CLOSING: Final = _OPENING + 55
"""Where a traceparent ends; the quotes of a string inside a string are escaped, so nothing else looks like the key."""


class Entry(Protocol):
    """What waits in the outbox."""

    @property
    def id(self) -> str:
        """Where it stands in the stream."""
        ...

    @property
    def visit_id(self) -> str:
        """Whose visit it is."""
        ...

    @property
    def revision(self) -> int:
        """Which summary of the visit."""
        ...

    @property
    def item(self) -> bytes:
        """The JSON to be posted."""
        ...

    @property
    def projected_at_us(self) -> int:
        """When it was put there."""
        ...


class Parcel:
    """Some *entries*, as *items* whose trace goes on from their *spans*, taken at *started_ns*."""

    def __init__(
        self, entries: Sequence[Entry], items: Sequence[bytes], spans: Sequence[Span], started_ns: int
    ) -> None:
        self.entries = entries
        self.items = items
        self.started_ns = started_ns
        self._spans = spans
        self._resends = 0

    @classmethod
    def of(cls, entries: Sequence[Entry], telemetry: Telemetry, server: tuple[str, int]) -> Self:
        """Return *entries* as they go to *server* (host and port)."""
        started_ns = time.time_ns()
        items = [entry.item for entry in entries]
        if not telemetry.tracing:
            return cls(entries, items, (), started_ns)
        deliver, count = telemetry.steps.deliver, len(entries)
        spans = [
            deliver(
                traceparent_in(entry.item),
                server=server,
                started_ns=started_ns,
                visit_id=entry.visit_id,
                revision=entry.revision,
                outbox_id=entry.id,
                batch_count=count,
            )
            for entry in entries
        ]
        return cls(
            entries, [_continued(item, span) for item, span in zip(items, spans, strict=True)], spans, started_ns
        )

    @property
    def traceparent(self) -> str | None:
        """The context of the POST: that of a lone summary; several belong to as many traces."""
        return traceparent_in(self.items[0]) if len(self.items) == 1 else None

    def halves(self) -> tuple[Self, Self]:
        """Return this in two, to find out which half is at fault."""
        half, again = len(self.entries) // 2, type(self)
        return (
            again(self.entries[:half], self.items[:half], self._spans[:half], self.started_ns),
            again(self.entries[half:], self.items[half:], self._spans[half:], self.started_ns),
        )

    def failed(self, error: Exception) -> None:
        """Note that a try failed and will be made again; of many tries the spans tell the first error."""
        self._resends += 1
        if self._resends == 1 and self._spans:
            explained = explanation(error, with_stack=False)
            for span in self._spans:
                span.add_event("exception", explained)

    def answered(self, results: Sequence[ItemResult]) -> None:
        """End the spans with what the server said of each summary."""
        for span, result in zip(self._spans, results, strict=False):  # There are no spans without tracing.
            error = None if result.status in KEPT else RefusedError(f"{result.status.value}: {result.problem or ''}")
            self._end(span, error, OK, status=result.status.value)

    def given_up(self, error: BaseException, status_code: int | None = None) -> None:
        """End the spans because of *error*."""
        for span in self._spans:
            self._end(span, error, status_code)

    def _end(self, span: Span, error: BaseException | None, status_code: int | None, status: str | None = None) -> None:
        end(span, error=error, status_code=status_code, status=status, resend_count=self._resends or None)


def traceparent_in(item: bytes) -> str | None:
    """Return the trace context in the JSON of a summary; looked for, not decoded."""
    at = item.rfind(_KEY)
    if at < 0 or item[at + _OPENING - 1 : at + _OPENING] != b'"':
        return None
    return item[at + _OPENING : at + _CLOSING].decode()


def with_traceparent(item: bytes, traceparent: str) -> bytes:
    """Return *item*, the JSON of a summary, with another trace context."""
    at = item.rfind(_KEY)
    if at < 0:
        return item
    start = at + len(_KEY)
    end_ = at + _CLOSING + 1 if item[start : start + 1] == b'"' else start + len(b"null")
    return b'%b"%b"%b' % (item[:start], traceparent.encode(), item[end_:])


def _continued(item: bytes, span: Span) -> bytes:
    traceparent = None if span is INVALID_SPAN else traceparent_of(span)
    return item if traceparent is None else with_traceparent(item, traceparent)
