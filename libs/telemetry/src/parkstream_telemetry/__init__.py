"""Traces, metrics and logs under names that are all listed.

Read ``names`` for what is emitted, ``telemetry`` for how to emit it, ``exporter`` for where it goes.
"""

from opentelemetry.trace import INVALID_SPAN, Link, Span
from parkstream_service.explanation import described, explanation

from parkstream_telemetry import names
from parkstream_telemetry.access_reports import AccessReports
from parkstream_telemetry.latency import Percentiles, Stage
from parkstream_telemetry.metrics import UnlistedError
from parkstream_telemetry.refused_requests import RefusedRequests
from parkstream_telemetry.steps import end, links_to
from parkstream_telemetry.telemetry import Telemetry, TelemetryOptions, start
from parkstream_telemetry.tracecontext import (
    context_of,
    span_context_of,
    trace_id_of,
    traceparent_of,
    valid_traceparent,
)

__all__ = [
    "INVALID_SPAN",
    "AccessReports",
    "Link",
    "Percentiles",
    "RefusedRequests",
    "Span",
    "Stage",
    "Telemetry",
    "TelemetryOptions",
    "UnlistedError",
    "context_of",
    "described",
    "end",
    "explanation",
    "links_to",
    "names",
    "span_context_of",
    "start",
    "trace_id_of",
    "traceparent_of",
    "valid_traceparent",
]
