"""A trace laid out over time: what ``--json`` prints and ``drawing`` draws."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from parkstream_events.units import MILLISECOND_US

from parkstream_telemetry.kept_traces.car_trace import CarTrace
from parkstream_telemetry.received_span import ReceivedSpan

DIGITS: Final = 3


class Row(Struct, frozen=True):
    """One span: *offset_ms* is from the beginning of the trace, *parent* the name of the span that it is part of."""

    service: str
    span: str
    parent: str | None
    offset_ms: float
    duration_ms: float


class Bar(Struct, frozen=True):
    """A row and how to draw it: *depth* is the number of its ancestors; *joined*: it belongs to another trace."""

    row: Row
    depth: int
    joined: bool
    failed: bool


def waterfall(trace: CarTrace) -> list[Row]:
    """Return the spans of *trace* by when they began, a span before those that are part of it."""
    return [bar.row for bar in bars(trace)]


def bars(trace: CarTrace) -> list[Bar]:
    """Return the rows of *trace* and how to draw them."""
    spans = {span.span_id: span for span in [*trace.spans, *trace.requests]}
    depths = {span_id: _depth(span, spans) for span_id, span in spans.items()}
    first_us = min(span.start_us for span in spans.values())
    ordered = sorted(spans.values(), key=lambda span: (span.start_us, depths[span.span_id], span.end_us))
    return [
        Bar(_row(span, spans, first_us), depths[span.span_id], span.trace_id != trace.trace_id, span.status == "ERROR")
        for span in ordered
    ]


def short(span: str) -> str:
    """Leave out the exchange and the queue: ``publish parking.events:vehicle.exited`` is ``publish vehicle.exited``."""
    operation, _, destination = span.partition(" ")
    _, _, rest = destination.partition(":")
    return f"{operation} {rest.partition(':')[0]}" if rest else span


def _row(span: ReceivedSpan, spans: Mapping[str, ReceivedSpan], first_us: int) -> Row:
    parent = spans.get(span.parent_span_id)
    return Row(
        service=span.service,
        span=span.name,
        parent=parent.name if parent is not None else None,
        offset_ms=round((span.start_us - first_us) / MILLISECOND_US, DIGITS),
        duration_ms=round((span.end_us - span.start_us) / MILLISECOND_US, DIGITS),
    )


def _depth(span: ReceivedSpan, spans: Mapping[str, ReceivedSpan]) -> int:
    """Return how many ancestors of *span* there are; a trace that bites its tail has an end too."""
    depth = 0
    while depth < len(spans) and (parent := spans.get(span.parent_span_id)) is not None:
        span, depth = parent, depth + 1
    return depth
