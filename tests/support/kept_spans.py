"""Spans as a sink keeps them, made up."""

from parkstream_devtools.otlp.span_file import SpanFile
from parkstream_telemetry.received_span import ReceivedLink, ReceivedSpan

BEGAN_US = 1_790_000_000_000_000
EXITED = "parking.events:vehicle.exited"
SERVICES = {
    "publish": "parkstream-exit-generator",
    "POST": "parkstream-summary-api",
    "write": "parkstream-summary-api",
}
KINDS = {"POST": "SERVER"}
STEPS = [f"publish {EXITED}", f"process {EXITED}:parking.exits", "project", "deliver", "POST /v1/summaries", "write"]


def span(trace_id, name, at_ms, took_ms, parent="", *, links=(), **attributes):  # noqa: PLR0913 - a span says a lot
    """Return a span whose id is that of its trace and the first word of its name."""
    operation = name.partition(" ")[0]
    return ReceivedSpan(
        trace_id=trace_id,
        span_id=f"{trace_id}-{operation}",
        parent_span_id=f"{trace_id}-{parent}" if parent else "",
        service=SERVICES.get(operation, "parkstream-backend"),
        name=name,
        kind=KINDS.get(operation, "INTERNAL"),
        start_us=BEGAN_US + int(at_ms * 1000),
        end_us=BEGAN_US + int((at_ms + took_ms) * 1000),
        status="UNSET",
        attributes={f"parking.{name.replace('__', '.')}": value for name, value in attributes.items()},
        links=[ReceivedLink(trace, f"{trace}-{to}") for trace, to in links],
        events=[],
    )


def written(visit_id, took_ms, *, held=False, outcome="completed"):
    """Return what a ``write`` says."""
    return {
        "visit__id": visit_id,
        "outcome": outcome,
        "held": held,
        "item__status": "written",
        "e2e__duration_ms": took_ms,
    }


def alone(trace_id, took_ms, *, links=(), **said):
    """Return the spans of a summary that was delivered alone; the exports come in no order."""
    said = written(f"exit:{trace_id}", took_ms) | said
    return [
        span(trace_id, STEPS[5], took_ms - 1, 1, "POST", **said),
        span(trace_id, STEPS[4], 5, took_ms - 5, "deliver"),
        span(trace_id, STEPS[3], 4, took_ms - 3, "project", visit__id=said["visit__id"]),
        span(trace_id, STEPS[2], 3, 1, "process", visit__id=said["visit__id"]),
        span(trace_id, STEPS[1], 1, 2, "publish", vehicle__plate_hash=f"hash of {trace_id}"),
        span(trace_id, STEPS[0], 0, 1.5, links=links),
    ]


def batched(trace_id, took_ms, request, **said):
    """Return the spans of a summary that was delivered with others in *request*, without that."""
    first, _, *rest = alone(trace_id, took_ms, **said)
    return [*rest, span(trace_id, "write", took_ms - 1, 1, "deliver", links=[(request, "POST")], **first_said(first))]


def first_said(one):
    """Return the attributes of *one* as ``span`` takes them."""
    return {name.removeprefix("parking.").replace(".", "__"): value for name, value in one.attributes.items()}


def kept(file, *spans):
    """Keep *spans* in *file* and return it."""
    writer = SpanFile(file)
    writer.add(spans)
    writer.close()
    return file
