"""The senses: traces, metrics and logs under names that are all listed.

Read ``names`` for what is told, ``telemetry`` for how to tell it, ``exporting`` for where it goes.
"""

from opentelemetry.trace import INVALID_SPAN, Span

from parkstream_telemetry import names
from parkstream_telemetry.latency import Percentiles, Stage
from parkstream_telemetry.logs import explanation
from parkstream_telemetry.metrics import UnlistedError
from parkstream_telemetry.steps import end, links_to
from parkstream_telemetry.telemetry import Telemetry, TelemetryOptions, start
from parkstream_telemetry.tracecontext import context_of, span_context_of, traceparent_of

__all__ = [
    "INVALID_SPAN",
    "Percentiles",
    "Span",
    "Stage",
    "Telemetry",
    "TelemetryOptions",
    "UnlistedError",
    "context_of",
    "end",
    "explanation",
    "links_to",
    "names",
    "span_context_of",
    "start",
    "traceparent_of",
]
