"""Summaries that are posted together, each under a span of its own while there is tracing."""

import time
from collections.abc import Sequence
from typing import Final, Self

import msgspec
from parkstream_events.summaries import VISIT_ID_LENGTH_MAX, ItemResult, ItemStatus
from parkstream_events.wire import UNREADABLE
from parkstream_projection import Entry
from parkstream_telemetry import INVALID_SPAN, Span, Telemetry, end, explanation, traceparent_of, valid_traceparent

from parkstream_backend.deliver.summary_client import RefusedError, UnavailableError

OK: Final = 200
KEPT: Final = frozenset({ItemStatus.WRITTEN, ItemStatus.DUPLICATE})

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class DeliveryBatch:
    """Some *entries*, as *items* whose trace goes on from their *spans*, taken at *started_ns*."""

    def __init__(
        self,
        entries: Sequence[Entry],
        items: Sequence[bytes],
        contexts: Sequence[str | None],
        spans: Sequence[Span],
        started_ns: int,
    ) -> None:
        self.entries = entries
        self.items = items
        self._contexts = contexts
        self.started_ns = started_ns
        self.spans = spans
        """None without tracing, else one per entry."""
        self.resends = 0

    @classmethod
    def of(cls, entries: Sequence[Entry], telemetry: Telemetry, server: tuple[str, int]) -> Self:
        """Return *entries* as they go to *server* (host and port)."""
        started_ns = time.time_ns()
        contexts = [valid_traceparent(entry.traceparent) for entry in entries]
        if not telemetry.tracing:
            return cls(entries, _items(entries, contexts), contexts, (), started_ns)
        deliver, count = telemetry.steps.deliver, len(entries)
        spans = [
            deliver(
                entry.traceparent,
                server=server,
                started_ns=started_ns,
                visit_id=telemetry.public_id(entry.key, plate_in(entry.item)),
                revision=entry.revision,
                outbox_id=entry.id,
                batch_count=count,
            )
            for entry in entries
        ]
        contexts = [
            context if span is INVALID_SPAN else traceparent_of(span) or context
            for context, span in zip(contexts, spans, strict=True)
        ]
        return cls(entries, _items(entries, contexts), contexts, spans, started_ns)

    @property
    def traceparent(self) -> str | None:
        """The context of the POST: that of a lone summary; several belong to as many traces."""
        return self._contexts[0] if len(self._contexts) == 1 else None

    def halves(self) -> tuple[Self, Self]:
        """Return this in two, to find out which half is at fault."""
        half, again = len(self.entries) // 2, type(self)
        return (
            again(self.entries[:half], self.items[:half], self._contexts[:half], self.spans[:half], self.started_ns),
            again(self.entries[half:], self.items[half:], self._contexts[half:], self.spans[half:], self.started_ns),
        )

    def check(self, results: Sequence[ItemResult]) -> None:
        """Raise ``UnavailableError`` when *results* are about other summaries than these."""
        for entry, result in zip(self.entries, results, strict=True):
            found, expected = (result.visit_id, result.revision), (entry.key, entry.revision)
            if found != expected and not (result.status is ItemStatus.INVALID and _may_be(found, expected)):
                problem = f"the answer is about {result.visit_id[:80]!r}, revision {result.revision}, not {expected}"
                raise UnavailableError(problem, OK)

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
            error = None if result.status in KEPT else RefusedError(result.status.value)
            self._end(span, error, OK, status=result.status.value)

    def abandoned(self, error: BaseException, status_code: int | None = None) -> None:
        """End the spans because of *error*."""
        for span in self.spans:
            self._end(span, error, status_code)

    def _end(self, span: Span, error: BaseException | None, status_code: int | None, status: str | None = None) -> None:
        end(span, error=error, status_code=status_code, status=status, resend_count=self.resends or None)


def _items(entries: Sequence[Entry], contexts: Sequence[str | None]) -> list[bytes]:
    """Return *entries* as they are posted, each with its trace context if it has one."""
    return [
        entry.item if context is None else _with_context(entry.item, context)
        for entry, context in zip(entries, contexts, strict=True)
    ]


class _Plate(msgspec.Struct):
    vehicle_plate: str


_decode_plate = msgspec.json.Decoder(_Plate).decode


def plate_in(item: bytes) -> str | None:
    """Return the plate that *item* is about; None if it cannot be read."""
    try:
        return _decode_plate(item).vehicle_plate
    except UNREADABLE:
        return None


def _with_context(item: bytes, context: str) -> bytes:
    try:
        return _encode({**_decode(item), "traceparent": context})
    except UNREADABLE:
        return item  # The server says what is wrong with it.


def _may_be(found: tuple[str, int], expected: tuple[str, int]) -> bool:
    """Whether an item that could not be read whole is the one; then its name is missing, or cut."""
    return found[0] in {"", expected[0][:VISIT_ID_LENGTH_MAX]} and found[1] in {0, expected[1]}
