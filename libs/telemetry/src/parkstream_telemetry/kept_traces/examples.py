"""Which cars of many are worth showing: a typical one and the slowest."""

from pathlib import Path

from msgspec import Struct

from parkstream_telemetry import names
from parkstream_telemetry.kept_spans import kept_spans
from parkstream_telemetry.kept_traces.car_trace import WRITE, CarTrace
from parkstream_telemetry.kept_traces.search import gathered
from parkstream_telemetry.received_span import ReceivedSpan


class Examples(Struct, frozen=True):
    """Two cars whose visits were completed when they left, without waiting for the watermark."""

    typical: CarTrace
    slowest: CarTrace


def examples_in(file: Path) -> Examples | None:
    """Return the car nearest to the median and the one that took longest; None when *file* has no completed visit.

    The former is one whose summary was posted alone if there is any: its trace has all six steps.
    """
    took_ms: dict[str, float] = {}
    requests: set[str] = set()
    for span in kept_spans(file):
        if _decided_on_arrival(span):
            took_ms[span.trace_id] = float(span.attributes[names.ATTRIBUTE_E2E_DURATION_MS.name])
        elif span.kind == names.SPAN_POST.kind.value:
            requests.add(span.trace_id)
    if not took_ms:
        return None
    ranked = sorted(took_ms, key=lambda trace_id: took_ms[trace_id])
    median_ms = took_ms[ranked[len(ranked) // 2]]
    alone = [trace_id for trace_id in ranked if trace_id in requests]
    typical = min(alone or ranked, key=lambda trace_id: abs(took_ms[trace_id] - median_ms))
    found = gathered(file, {typical, ranked[-1]})
    return Examples(found[typical], found[ranked[-1]])


def _decided_on_arrival(span: ReceivedSpan) -> bool:
    """Return whether *span* is the first write of a completed visit that was not pending."""
    attributes = span.attributes
    return (
        span.name == WRITE
        and names.ATTRIBUTE_E2E_DURATION_MS.name in attributes
        and attributes.get(names.ATTRIBUTE_OUTCOME.name) == "completed"
        and attributes.get(names.ATTRIBUTE_STATUS.name) == "written"
        and not attributes.get(names.ATTRIBUTE_PENDING.name)
    )
