"""Spans of our own under OpenTelemetry's interface: encoded when they end, so that what waits is small.

The SDK's span takes 24 µs to make and 36 to encode, and 3.1 KB while it waits; this one 8 µs, 1.5 µs and 0.5 KB.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from random import getrandbits
from time import time_ns
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    get_current_span,
    use_span,
)
from opentelemetry.util.types import Attributes, AttributeValue

from parkstream_telemetry import protobuf
from parkstream_telemetry.explanation import described, explanation

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)
_KINDS = {
    SpanKind.INTERNAL: 1,
    SpanKind.SERVER: 2,
    SpanKind.CLIENT: 3,
    SpanKind.PRODUCER: 4,
    SpanKind.CONSUMER: 5,
}
ERROR_TYPE = "error.type"
RECORDED_MARK = "_parkstream_recorded"

Emit = Callable[["RecordingSpan", bytes], None]
Samples = Callable[["Step", SpanContext | None, int], bool]
"""Whether to record a span of this step under this parent, in the trace of this id."""


class Step:
    """What all spans of one step have in common, encoded once."""

    __slots__ = ("attributes", "encoded", "kind", "name")

    def __init__(self, name: str, kind: SpanKind, attributes: Mapping[str, Any]) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.encoded = protobuf.head(name, _KINDS[kind], attributes)


class RecordingSpan(Span):
    """A span that will be exported."""

    def __init__(  # noqa: PLR0913, PLR0917 - made in one place
        self,
        emit: Emit,
        context: SpanContext,
        parent: SpanContext | None,
        step: Step,
        attributes: dict[str, Any],
        started_ns: int,
    ) -> None:
        self._emit: Emit | None = emit
        self._context = context
        self._parent = parent
        self.step = step
        self.attributes = attributes
        self._started_ns = started_ns
        self._extra = b""
        self._status = b""

    def end(self, end_time: int | None = None) -> None:
        """Encode the span and hand it over; a second time nothing happens."""
        emit, self._emit = self._emit, None
        if emit is None:
            return
        parent, step = self._parent, self.step
        if not step.attributes.keys().isdisjoint(self.attributes):
            step = Step(step.name, step.kind, {**step.attributes, **self.attributes})
            self.attributes = {}
        encoded = protobuf.span(
            (self._context.trace_id, self._context.span_id, 0 if parent is None else parent.span_id),
            step.encoded,
            (self._started_ns, end_time or time_ns()),
            self.attributes,
            self._extra + self._status,
            remote=parent is not None and parent.is_remote,
        )
        emit(self, encoded)

    def get_span_context(self) -> SpanContext:
        """Return the ids of this span."""
        return self._context

    def set_attributes(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add *attributes*, replacing those of the same name."""
        self.attributes.update(attributes)

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Add one attribute, replacing that of the same name."""
        self.attributes[key] = value

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Add what happened meanwhile."""
        self._extra += protobuf.event(name, timestamp or time_ns(), attributes or {})

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Link to a span that is no ancestor."""
        self._extra += protobuf.link(context.trace_id, context.span_id, attributes or {}, remote=context.is_remote)

    def update_name(self, name: str) -> None:
        """Rename the span."""
        self.step = Step(name, self.step.kind, self.step.attributes)

    def is_recording(self) -> bool:
        """Return whether the span has not ended."""
        return self._emit is not None

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set whether the step went well."""
        code = status.status_code if isinstance(status, Status) else status
        text = status.description if isinstance(status, Status) else description
        self._status = protobuf.status(code.value, text or "") if code is not StatusCode.UNSET else b""

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: ARG002, FBT001, FBT002 - the interface's
    ) -> None:
        """Add *exception* as an event; one that an inner span has recorded is only named."""
        explained = explanation(exception, with_stack=True)
        self.attributes.setdefault(ERROR_TYPE, explained["exception.type"])
        if not getattr(exception, RECORDED_MARK, False):
            setattr(exception, RECORDED_MARK, True)
            self.add_event("exception", {**explained, **(attributes or {})}, timestamp)

    def fail(self, error: BaseException) -> None:
        """Record *error* once, and that it ended this step."""
        self.record_exception(error)
        self.set_status(StatusCode.ERROR, described(error))


class EncodingTracer(Tracer):
    """Starts spans, all whose parent is sampled or else as *samples* decides; *emit* takes each when it has ended."""

    def __init__(self, samples: Samples | None, emit: Emit) -> None:
        self._samples = samples
        self._emit = emit

    def start_span(  # noqa: PLR0913, PLR0917 - the interface's
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: ARG002, FBT001, FBT002
        set_status_on_exception: bool = True,  # noqa: ARG002, FBT001, FBT002
    ) -> Span:
        """Start a span that is nobody's current one."""
        parent = get_current_span(context).get_span_context()
        step = Step(name, kind, {})
        return self.begin(step, parent if parent.is_valid else None, dict(attributes or {}), links or (), start_time)

    @contextmanager
    def start_as_current_span(self, name: str, *args: Any, end_on_exit: bool = True, **options: Any) -> Generator[Span]:  # type: ignore[override] # noqa: ANN401
        """Start a span that is the current one inside the ``with``."""
        with use_span(self.start_span(name, *args, **options), end_on_exit=end_on_exit) as span:
            yield span

    def begin(
        self,
        step: Step,
        parent: SpanContext | None,
        attributes: dict[str, Any],
        links: Sequence[Link] = (),
        started_ns: int | None = None,
    ) -> Span:
        """Start a span of *step*; the cheapest way."""
        trace_id = getrandbits(128) if parent is None else parent.trace_id
        if self._samples is None:
            sampled = parent is None or bool(parent.trace_flags & TraceFlags.SAMPLED)
        else:
            sampled = self._samples(step, parent, trace_id)
        if not sampled:
            return NonRecordingSpan(SpanContext(trace_id, getrandbits(64), is_remote=False, trace_flags=_NOT_SAMPLED))
        context = SpanContext(trace_id, getrandbits(64), is_remote=False, trace_flags=_SAMPLED)
        span = RecordingSpan(self._emit, context, parent, step, attributes, started_ns or time_ns())
        for one in links:
            span.add_link(one.context, one.attributes)
        return span
