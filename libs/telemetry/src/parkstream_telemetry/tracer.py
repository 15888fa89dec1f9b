"""Spans of our own under OpenTelemetry's interface: encoded when they end, so that what waits is small.

They do what the SDK's do by default: a span is sampled if its parent is. Whoever wants another sampler, limits or
another provider gets the SDK's spans (``exporter.py``).
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
    TracerProvider,
    get_current_span,
    use_span,
)
from opentelemetry.util.types import Attributes, AttributeValue
from parkstream_service.explanation import explanation

from parkstream_telemetry import conformance, protobuf
from parkstream_telemetry.metrics import UnlistedError

_SAMPLED = TraceFlags(TraceFlags.SAMPLED)
_NOT_SAMPLED = TraceFlags(TraceFlags.DEFAULT)

Put = Callable[[bytes], None]


class Step:
    """What all spans of one step have in common, encoded once."""

    __slots__ = ("attributes", "encoded", "kind", "name")

    def __init__(self, name: str, kind: SpanKind, attributes: Mapping[str, Any]) -> None:
        self.name = name
        self.kind = kind
        self.attributes = attributes
        self.encoded = protobuf.head(name, kind.value + 1, attributes)

    def joined(self, attributes: Mapping[str, Any]) -> "Step":
        """Return this step with *attributes* instead of those of the same name."""
        return Step(self.name, self.kind, {**self.attributes, **attributes})


class EncodedSpan(Span):
    """A span that becomes bytes when it ends."""

    def __init__(  # noqa: PLR0913, PLR0917 - made in one place
        self,
        put: Put,
        context: SpanContext,
        parent: SpanContext | None,
        step: Step,
        attributes: dict[str, Any],
        started_ns: int,
    ) -> None:
        self._put: Put | None = put
        self._context = context
        self._parent = parent
        self.step = step
        self.attributes = attributes
        self._started_ns = started_ns
        self._extra = b""
        self._status = b""

    def end(self, end_time: int | None = None) -> None:
        """Encode the span and hand it over; a second time nothing happens."""
        put, self._put = self._put, None
        if put is None:
            return
        parent, step, attributes = self._parent, self.step, self.attributes
        if not step.attributes.keys().isdisjoint(attributes):
            step, attributes = step.joined(attributes), {}
        put(
            protobuf.span(
                (self._context.trace_id, self._context.span_id, 0 if parent is None else parent.span_id),
                step.encoded,
                (self._started_ns, end_time or time_ns()),
                attributes,
                self._extra + self._status,
                remote=parent is not None and parent.is_remote,
            )
        )

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
        return self._put is not None

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
        """Add *exception* as an event, without what it may quote."""
        self.add_event("exception", {**explanation(exception, with_stack=True), **(attributes or {})}, timestamp)


class EncodingTracer(Tracer):
    """Starts spans, all whose parent is sampled or that have none; *put* takes each when it has ended."""

    def __init__(self, put: Put, *, strict: bool) -> None:
        self._put = put
        self._span = _StrictSpan if strict else EncodedSpan

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
        if parent is None:
            trace_id, sampled = getrandbits(128), True
        else:
            trace_id, sampled = parent.trace_id, bool(parent.trace_flags & TraceFlags.SAMPLED)
        if not sampled:
            return NonRecordingSpan(SpanContext(trace_id, getrandbits(64), is_remote=False, trace_flags=_NOT_SAMPLED))
        context = SpanContext(trace_id, getrandbits(64), is_remote=False, trace_flags=_SAMPLED)
        span = self._span(self._put, context, parent, step, attributes, started_ns or time_ns())
        for one in links:
            span.add_link(one.context, one.attributes)
        return span


class EncodingTracerProvider(TracerProvider):
    """Hands out the one tracer there is."""

    def __init__(self, put: Put, *, strict: bool) -> None:
        self._tracer = EncodingTracer(put, strict=strict)

    def get_tracer(
        self,
        instrumenting_module_name: str,  # noqa: ARG002 - the interface's
        instrumenting_library_version: str | None = None,  # noqa: ARG002
        schema_url: str | None = None,  # noqa: ARG002
        attributes: Attributes = None,  # noqa: ARG002
    ) -> EncodingTracer:
        """Return the tracer; the scope of all that it makes is Parkstream's."""
        return self._tracer


class _StrictSpan(EncodedSpan):
    """A span that must be listed."""

    def end(self, end_time: int | None = None) -> None:
        attributes = {**self.step.attributes, **self.attributes}
        if self.is_recording() and (
            problem := conformance.span_problem(self.step.name, self.step.kind.name, attributes)
        ):
            raise UnlistedError(problem)
        super().end(end_time)
