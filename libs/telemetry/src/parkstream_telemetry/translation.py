"""Our lines as the OpenTelemetry SDK's exporters take them."""

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordLimits, ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, set_span_in_context

from parkstream_telemetry.logs import Line

_SEVERITIES = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
}
_LIMITS = LogRecordLimits()
EVENT_NAME = "event.name"
"""Beside the field of that name in OTLP, because receivers drop that."""
_LONG = frozenset({"stacktrace"})


class Translator:
    """Translates for one *resource*."""

    def __init__(self, resource: Resource, scope: InstrumentationScope) -> None:
        self._resource = resource
        self._scope = scope

    def line(self, line: Line) -> ReadableLogRecord:
        """Return *line* as a log record that names its event."""
        context = Context() if line.span is None else set_span_in_context(NonRecordingSpan(line.span), Context())
        record = LogRecord(
            timestamp=line.at_ns,
            observed_timestamp=line.at_ns,
            context=context,
            severity_number=_SEVERITIES[line.level],
            severity_text=line.level.upper(),
            body=_body(line),
            attributes={EVENT_NAME: line.event.name, **line.attributes},
            event_name=line.event.name,
        )
        return ReadableLogRecord(record, self._resource, self._scope, _LIMITS)


def _body(line: Line) -> str:
    """Return what happened as one line for people: what the event means, then its fields."""
    fields = ", ".join(f"{name}={value}" for name, value in line.fields.items() if name not in _LONG)
    return f"{line.event.meaning} ({fields})" if fields else line.event.meaning
