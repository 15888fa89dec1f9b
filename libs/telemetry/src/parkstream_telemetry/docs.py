"""``docs/telemetry.md``, made from ``names``."""

from collections.abc import Iterable, Iterator

from parkstream_telemetry import conformance, names
from parkstream_telemetry.kinds import Attribute, Event, Metric, Span

VERSION = names.SCHEMA_URL.rpartition("/")[2]
HEADER = f"""# Telemetry

Made by `python -m parkstream_telemetry docs` from `libs/telemetry/src/parkstream_telemetry/names`: nothing else leaves
a service. Names are those of OpenTelemetry's semantic conventions {VERSION} where these have one.
"""

_GOING = """## Where it goes

Logs go to stdout, metrics to `/metrics` of every service. Ask for more with OpenTelemetry's own variables:

"""
_PREFIX = "OTEL_EXPORTER_OTLP_"
VARIABLES = (
    (
        f"`{_PREFIX}ENDPOINT`, `{_PREFIX}{{TRACES,METRICS,LOGS}}_ENDPOINT`",
        "receiver",
        "none: nothing leaves, no span is made",
    ),
    (f"`{_PREFIX}PROTOCOL`, `{_PREFIX}{{TRACES,METRICS,LOGS}}_PROTOCOL`", "`grpc` or `http/protobuf`", "`grpc`"),
    (f"`{_PREFIX}{{HEADERS,TIMEOUT,COMPRESSION,CERTIFICATE,…}}`", "as OpenTelemetry documents", ""),
    ("`OTEL_{TRACES,METRICS,LOGS}_EXPORTER`", "`otlp` or `none`", "`otlp` if there is an endpoint"),
    ("`OTEL_SDK_DISABLED`", "`true`: nothing is exported, and `/metrics` is empty", "`false`"),
    ("`OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG`", "which traces are kept", "`parentbased_always_on`"),
    (
        "`OTEL_PYTHON_TRACER_PROVIDER`, `OTEL_{SPAN,EVENT,LINK,ATTRIBUTE}_…_LIMIT`",
        "as OpenTelemetry documents; any of them, or a sampler, brings the SDK's spans, which cost more",
        "spans of our own",
    ),
    ("`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`", "what the process is called", "its own name"),
    ("`OTEL_BSP_MAX_QUEUE_SIZE`", "spans that may wait", "8192"),
    ("`OTEL_BSP_MAX_EXPORT_BATCH_SIZE`", "spans that go at once", "2048"),
    ("`OTEL_BSP_SCHEDULE_DELAY`", "longest wait of a span, ms: what a kill may lose", "200"),
    ("`OTEL_BLRP_{MAX_QUEUE_SIZE,MAX_EXPORT_BATCH_SIZE,SCHEDULE_DELAY}`", "the same of log records", "2048, 512, 1000"),
    ("`OTEL_METRIC_EXPORT_INTERVAL`", "ms between two exports of metrics", "10000"),
    ("`PARKSTREAM_TELEMETRY_STRICT`", "`true`: an error for a name not listed here", "`false`"),
)
RECEIVER = """
A receiver that is away, slow or answers errors costs nothing but what waits: what the queue cannot hold is dropped,
counted in `parking.telemetry.dropped` and logged at most once a minute. Shutting down waits 3 s at most.
"""


def page() -> str:
    """Return the whole page."""
    going = _GOING + _table(("variable", "meaning", "default"), VARIABLES) + RECEIVER
    parts = (HEADER, _spans(), _metrics(), _events(), _attributes(), going)
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _spans() -> str:
    rows = [
        (f"`{one.name}`", one.kind.value, one.service, one.meaning, _names(one.attributes))
        for one in conformance.spans()
    ]
    return "## Spans\n\nIn the order of a car's trace.\n\n" + _table(
        ("name", "kind", "service", "meaning", "attributes"), rows
    )


def _metrics() -> str:
    rows = [_metric(one) for one in sorted(conformance.metrics().values(), key=lambda one: one.name)]
    return "## Metrics\n\n" + _table(("name", "in Prometheus", "kind", "unit", "meaning", "attributes"), rows)


def _metric(metric: Metric) -> tuple[str, ...]:
    buckets = f" Buckets: {', '.join(f'{bound:g}' for bound in metric.buckets)}." if metric.buckets else ""
    meaning = metric.meaning + buckets
    return f"`{metric.name}`", f"`{metric.family}`", metric.kind, metric.unit, meaning, _names(metric.attributes)


def _events() -> str:
    rows = [_event(one) for one in sorted(conformance.events().values(), key=lambda one: one.name)]
    about = (
        "One JSON line each, with `trace_id` and `span_id` inside a trace; an error adds its type, message and stack."
        " Over OTLP a record has the name as `event.name` too, and a body with its fields; those with * stay at home."
    )
    return f"## Events\n\n{about}\n\n" + _table(("name", "level", "meaning", "in the line"), rows)


def _event(event: Event) -> tuple[str, ...]:
    fields = "; ".join(f"`{one.keyword}`: {one.meaning}" for one in event.attributes)
    return f"`{event.name}`{'' if event.exported else ' *'}", event.level, event.meaning, fields


def _attributes() -> str:
    everything: list[Span | Metric | Event] = [*conformance.spans()]
    everything += [*conformance.metrics().values(), *conformance.events().values()]
    by_name = {attribute.name: attribute for one in everything for attribute in one.attributes}
    rows = [(f"`{name}`", by_name[name].type, by_name[name].meaning) for name in sorted(by_name)]
    return "## Attributes\n\n" + _table(("name", "type", "meaning"), rows)


def _names(attributes: Iterable[Attribute]) -> str:
    return ", ".join(f"`{one.name}`" + (f" ({', '.join(one.values)})" if one.values else "") for one in attributes)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "".join(line + "\n" for line in _lines(titles, rows))


def _lines(titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(titles)} |"
    yield f"|{'---|' * len(titles)}"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"
