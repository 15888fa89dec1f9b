"""Finds traces among kept spans; reads the file once per question, and keeps in memory what it was asked for only."""

from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from parkstream_telemetry import names
from parkstream_telemetry.kept_spans import kept_spans
from parkstream_telemetry.kept_traces.car_trace import CarTrace, request_links
from parkstream_telemetry.received_span import ReceivedSpan

LINKS_FOLLOWED_MAX = 4


class FoundTrace(Struct, frozen=True):
    """A trace, and the id of the one that links to it, if it was found that way."""

    trace: CarTrace
    linked_by: str | None = None


def with_visits(file: Path, visit_ids: Iterable[str]) -> set[str]:
    """Return the ids of the traces in *file* that concern one of *visit_ids*."""
    wanted = set(visit_ids)
    return _traces(file, lambda span: span.attributes.get(names.ATTRIBUTE_VISIT_ID.name) in wanted)


def with_plate(file: Path, plate_hash: str) -> set[str]:
    """Return the ids of the traces in *file* that concern the plate behind *plate_hash*."""
    return _traces(file, lambda span: span.attributes.get(names.ATTRIBUTE_PLATE_HASH.name) == plate_hash)


def _traces(file: Path, wanted: Callable[[ReceivedSpan], bool]) -> set[str]:
    return {span.trace_id for span in kept_spans(file) if wanted(span)}


def gathered(file: Path, trace_ids: Iterable[str]) -> dict[str, CarTrace]:
    """Return the traces *trace_ids*, and those that they link to."""
    spans: dict[str, list[ReceivedSpan]] = {}
    wanted = set(trace_ids)
    for _ in range(LINKS_FOLLOWED_MAX):
        if not wanted:
            break
        spans |= {trace_id: [] for trace_id in wanted}
        for span in kept_spans(file, mentioning=wanted):
            if span.trace_id in wanted:
                spans[span.trace_id].append(span)
        wanted = {link.trace_id for some in spans.values() for span in some for link in span.links} - spans.keys()
    return _joined(spans)


def _joined(spans: dict[str, list[ReceivedSpan]]) -> dict[str, CarTrace]:
    """Give each trace the requests that its writes link to, which are no cars' traces themselves."""
    by_id = {(span.trace_id, span.span_id): span for some in spans.values() for span in some}
    requests = {
        trace_id: [
            by_id[link.trace_id, link.span_id]
            for span in some
            for link in request_links(span)
            if (link.trace_id, link.span_id) in by_id
        ]
        for trace_id, some in spans.items()
    }
    taken = {request.trace_id for some in requests.values() for request in some}
    return {
        trace_id: CarTrace(trace_id, some, requests[trace_id])
        for trace_id, some in spans.items()
        if some and trace_id not in taken
    }


def in_order(traces: dict[str, CarTrace]) -> list[FoundTrace]:
    """Return *traces* by when they began, each followed by those that it links to."""
    ordered = sorted(traces.values(), key=lambda trace: trace.start_us)
    linked = {link.trace_id for trace in ordered for link in trace.links}
    found: list[FoundTrace] = []
    for trace in ordered:
        if trace.trace_id not in linked:
            found += _with_linked(FoundTrace(trace), traces)
    return found


def _with_linked(first: FoundTrace, traces: dict[str, CarTrace]) -> list[FoundTrace]:
    found = {first.trace.trace_id: first}
    waiting = [first.trace]
    while waiting:
        trace = waiting.pop(0)
        for link in trace.links:
            if link.trace_id in traces and link.trace_id not in found:
                found[link.trace_id] = FoundTrace(traces[link.trace_id], trace.trace_id)
                waiting.append(traces[link.trace_id])
    return list(found.values())
