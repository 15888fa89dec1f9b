"""W3C trace contexts as text, read and written without a propagator."""

import re

from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, TraceFlags, set_span_in_context

_TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_TRACE_ID = slice(3, 35)
_EMPTY = Context()
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)


def span_context_of(traceparent: object) -> SpanContext | None:
    """Return the remote span that *traceparent* names, or ``None`` when it names none: a header may hold anything."""
    found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
    if found is None:
        return None
    trace_id, span_id = int(found[1], 16), int(found[2], 16)
    if not trace_id or not span_id:
        return None
    return SpanContext(
        trace_id, span_id, is_remote=True, trace_flags=_SAMPLED if int(found[3], 16) & 1 else _NOT_SAMPLED
    )


def valid_traceparent(value: object) -> str | None:
    """Return *value* when it is a traceparent that names a span."""
    return value if isinstance(value, str) and span_context_of(value) is not None else None


def trace_id_of(traceparent: str) -> str:
    """Return the trace id in *traceparent*, 32 hexadecimal digits."""
    return traceparent[_TRACE_ID]


def context_of(traceparent: object) -> Context | None:
    """Return the context to start a child in, or ``None`` when *traceparent* names no span."""
    span_context = span_context_of(traceparent)
    return None if span_context is None else set_span_in_context(NonRecordingSpan(span_context), _EMPTY)


def traceparent_of(span: Span) -> str | None:
    """Return *span* as text, or ``None`` when it is no real span."""
    context = span.get_span_context()
    if not context.trace_id or not context.span_id:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"
