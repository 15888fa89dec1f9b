"""Summaries that are posted together, each under a span of its own while there is tracing."""

import time
from collections.abc import Sequence
from typing import Final, Protocol, Self

import msgspec
from parkstream_events.summaries import ItemResult, ItemStatus
from parkstream_telemetry import Span, Telemetry, end, explanation, traceparent_of, valid_traceparent

from parkstream_backend.deliver.summary_client import RefusedError

OK: Final = 200
KEPT: Final = frozenset({ItemStatus.WRITTEN, ItemStatus.DUPLICATE})
TRACEPARENT: Final = "traceparent"

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


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


class DeliveryBatch:
    """Some *entries*, as *items* whose trace goes on from their *spans*, taken at *started_ns*."""

    def __init__(
        self, entries: Sequence[Entry], items: Sequence[bytes], spans: Sequence[Span], started_ns: int
    ) -> None:
        self.entries = entries
        self.items = items
        self.started_ns = started_ns
        self.spans = spans
        """None without tracing, else one per entry."""
        self.resends = 0

    @classmethod
    def of(cls, entries: Sequence[Entry], telemetry: Telemetry, server: tuple[str, int]) -> Self:
        """Return *entries* as they go to *server* (host and port)."""
        started_ns = time.time_ns()
        if not telemetry.tracing:
            return cls(entries, [entry.item for entry in entries], (), started_ns)
        deliver, count = telemetry.steps.deliver, len(entries)
        items: list[bytes] = []
        spans: list[Span] = []
        for entry in entries:
            fields = _fields_of(entry.item)
            span = deliver(
                _context_in(fields),
                server=server,
                started_ns=started_ns,
                visit_id=entry.visit_id,
                revision=entry.revision,
                outbox_id=entry.id,
                batch_count=count,
            )
            spans.append(span)
            items.append(_encode({**fields, TRACEPARENT: traceparent_of(span)}) if fields else entry.item)
        return cls(entries, items, spans, started_ns)

    @property
    def traceparent(self) -> str | None:
        """The context of the POST: that of a lone summary; several belong to as many traces."""
        if len(self.items) > 1:
            return None
        if self.spans:
            return traceparent_of(self.spans[0])
        return valid_traceparent(_context_in(_fields_of(self.items[0])))

    def halves(self) -> tuple[Self, Self]:
        """Return this in two, to find out which half is at fault."""
        half, again = len(self.entries) // 2, type(self)
        return (
            again(self.entries[:half], self.items[:half], self.spans[:half], self.started_ns),
            again(self.entries[half:], self.items[half:], self.spans[half:], self.started_ns),
        )

    def failed(self, error: Exception) -> None:
        """Note that an attempt failed and will be made again; of many attempts the spans keep the first error."""
        self.resends += 1
        if self.resends == 1 and self.spans:
            explained = explanation(error, with_stack=False)
            for span in self.spans:
                span.add_event("exception", explained)

    def answered(self, results: Sequence[ItemResult]) -> None:
        """End the spans with what the server answered for each summary."""
        for span, result in zip(self.spans, results, strict=False):  # There are no spans without tracing.
            error = None if result.status in KEPT else RefusedError(f"{result.status.value}: {result.problem or ''}")
            self._end(span, error, OK, status=result.status.value)

    def abandoned(self, error: BaseException, status_code: int | None = None) -> None:
        """End the spans because of *error*."""
        for span in self.spans:
            self._end(span, error, status_code)

    def _end(self, span: Span, error: BaseException | None, status_code: int | None, status: str | None = None) -> None:
        end(span, error=error, status_code=status_code, status=status, resend_count=self.resends or None)


def _fields_of(item: bytes) -> dict[str, msgspec.Raw]:
    """Return the fields of *item*; none when nobody can read it, which is for the server to judge."""
    try:
        return _decode(item)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}


def _context_in(fields: dict[str, msgspec.Raw]) -> object:
    raw = fields.get(TRACEPARENT)
    return None if raw is None else msgspec.json.decode(raw)
