"""Starts and ends the steps of a car's trace, each listed as ``names.SPAN_…``, without attaching any context."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    StatusCode,
    Tracer,
    set_span_in_context,
)
from parkstream_service.explanation import described, explanation

from parkstream_telemetry import conformance, names
from parkstream_telemetry.kinds import Span as Listed
from parkstream_telemetry.tracecontext import span_context_of
from parkstream_telemetry.tracer import EncodingTracer, Step

STEPS_MAX = 256
RECORDED_MARK = "_parkstream_recorded"
_NOWHERE = Context()
_ATTRIBUTES = {keyword: attribute.name for keyword, attribute in conformance.attributes().items()}


class Steps:
    """Makes spans under the parent that a traceparent names; while nothing is traced, spans that do nothing."""

    def __init__(self, tracer: Tracer | None) -> None:
        self._tracer = tracer
        self._encoding = tracer if isinstance(tracer, EncodingTracer) else None
        self._known: dict[tuple[str, ...], Step] = {}
        self._project = _step(names.SPAN_PROJECT, "project", {})
        self._deliver = _step(names.SPAN_DELIVER, "deliver", {"http.request.method": "POST"})
        self._write = _step(names.SPAN_WRITE, "write", {})
        self._replay = _step(names.SPAN_REPLAY, "replay", {})
        self._replay_part = _step(names.SPAN_REPLAY_PART, "replay records", {})

    def publish(
        self,
        exchange: str,
        routing_key: str,
        *,
        parent: SpanContext | None = None,
        links: Sequence[Link] = (),
        **attributes: Any,  # noqa: ANN401 - attributes by their arguments
    ) -> Span:
        """Start a PRODUCER span: ``message_id``, ``body_size``."""
        step = self._messaging(names.SPAN_PUBLISH, "publish", "send", (exchange, routing_key))
        return self._start(step, parent, links, None, attributes)

    def process(  # noqa: PLR0913 - where it came from, in full
        self,
        exchange: str,
        routing_key: str,
        queue: str,
        traceparent: object,
        *,
        started_ns: int | None = None,
        links: Sequence[Link] = (),
        **attributes: Any,  # noqa: ANN401
    ) -> Span:
        """Start a CONSUMER span: ``message_id``, ``body_size``, ``redelivered``, ``plate_hash``, ``position``."""
        step = self._messaging(names.SPAN_PROCESS, "process", "process", (exchange, routing_key, queue))
        return self._begin(step, traceparent, links, started_ns, attributes)

    def project(
        self,
        traceparent: object,
        *,
        started_ns: int | None = None,
        links: Sequence[Link] = (),
        **attributes: Any,  # noqa: ANN401
    ) -> Span:
        """Start the folding of a record: ``position``, ``visit_id``, ``revision``, ``outcome``."""
        return self._begin(self._project, traceparent, links, started_ns, attributes)

    def deliver(
        self,
        traceparent: object,
        *,
        server: tuple[str, int] | None = None,
        started_ns: int | None = None,
        links: Sequence[Link] = (),
        **attributes: Any,  # noqa: ANN401
    ) -> Span:
        """Start a CLIENT span of one summary: ``visit_id``, ``revision``, ``outbox_id``, ``batch_count``."""
        step = self._deliver if server is None else self._to_server(names.SPAN_DELIVER, server)
        return self._begin(step, traceparent, links, started_ns, attributes)

    def attempt(
        self,
        deliver: Span | None,
        *,
        server: tuple[str, int],
        started_ns: int,
        links: Sequence[Link] = (),
        **attributes: Any,  # noqa: ANN401
    ) -> Span:
        """Start a CLIENT span of one POST that failed: ``batch_count``, ``resend_count``."""
        return self._begin(self._to_server(names.SPAN_ATTEMPT, server), deliver, links, started_ns, attributes)

    def post(self, route: str, traceparent: object, *, started_ns: int | None = None, **attributes: Any) -> Span:  # noqa: ANN401
        """Start a SERVER span of one request: ``batch_count``, ``scheme``."""
        step = self._known.get((route,))
        if step is None:
            common = {"http.request.method": "POST", "http.route": route}
            step = self._kept((route,), _step(names.SPAN_POST, f"POST {route}", common))
        return self._begin(step, traceparent, (), started_ns, attributes)

    def write(
        self,
        parent: object,
        *,
        started_ns: int | None = None,
        links: Sequence[Link] = (),
        **attributes: Any,  # noqa: ANN401
    ) -> Span:
        """Start the writing of one summary, within a span of this process or after one that a traceparent names.

        ``visit_id``, ``revision``, ``outcome``; ``e2e_duration_ms`` at its end.
        """
        return self._begin(self._write, parent, links, started_ns, attributes)

    def replay(self, **attributes: Any) -> Span:  # noqa: ANN401
        """Start a replay, in a trace of its own: ``version``; ``events`` and ``hash_equal`` at its end."""
        return self._begin(self._replay, None, (), None, attributes)

    def replay_part(self, parent: Span, *, started_ns: int, links: Sequence[Link] = (), **attributes: Any) -> Span:  # noqa: ANN401
        """Start a part of the replay *parent*: ``position`` of its last record, ``events``."""
        return self._begin(self._replay_part, parent, links, started_ns, attributes)

    def _begin(
        self,
        step: Step,
        parent: object,
        links: Sequence[Link],
        started_ns: int | None,
        attributes: dict[str, Any],
    ) -> Span:
        if self._tracer is None:
            return INVALID_SPAN
        context = parent.get_span_context() if isinstance(parent, Span) else span_context_of(parent)
        return self._start(step, context, links, started_ns, attributes)

    def _start(
        self,
        step: Step,
        parent: SpanContext | None,
        links: Sequence[Link],
        started_ns: int | None,
        attributes: dict[str, Any],
    ) -> Span:
        if self._encoding is not None:
            return self._encoding.begin(step, parent, attributes_of(attributes), links, started_ns)
        if self._tracer is None:
            return INVALID_SPAN
        context = _NOWHERE if parent is None else set_span_in_context(NonRecordingSpan(parent), _NOWHERE)
        given = {**step.attributes, **attributes_of(attributes)}
        return self._tracer.start_span(step.name, context, step.kind, given, links, started_ns)

    def _to_server(self, listed_as: Listed, server: tuple[str, int]) -> Step:
        key = (listed_as.name, *map(str, server))
        step = self._known.get(key)
        if step is None:
            common = {**self._deliver.attributes, "server.address": server[0], "server.port": server[1]}
            step = self._kept(key, _step(listed_as, listed_as.name, common))
        return step

    def _messaging(self, listed_as: Listed, operation: str, type_: str, path: tuple[str, ...]) -> Step:
        step = self._known.get((operation, *path))
        if step is not None:
            return step
        destination = destination_of(*path)
        common = {
            "messaging.system": "rabbitmq",
            "messaging.operation.name": operation,
            "messaging.operation.type": type_,
            "messaging.destination.name": destination,
            **({"messaging.rabbitmq.destination.routing_key": path[1]} if path[1] else {}),
        }
        return self._kept((operation, *path), _step(listed_as, f"{operation} {destination}", common))

    def _kept(self, key: tuple[str, ...], step: Step) -> Step:
        if len(self._known) < STEPS_MAX:
            self._known[key] = step
        return step


def end(
    span: Span,
    *,
    error: BaseException | None = None,
    ended_ns: int | None = None,
    **attributes: Any,  # noqa: ANN401 - attributes by their arguments
) -> None:
    """End *span* with what is known at last; *error* ended the step, and is recorded where it happened first.

    Without one the step went well at last, whatever went wrong in between.
    """
    if not span.is_recording():
        return
    span.set_attributes(attributes_of(attributes))
    if error is not None:
        _fail(span, error)
    span.end(ended_ns)


def _fail(span: Span, error: BaseException) -> None:
    explained = explanation(error, with_stack=True)
    span.set_attribute("error.type", explained["exception.type"])
    span.set_status(StatusCode.ERROR, described(error))
    if not getattr(error, RECORDED_MARK, False):
        setattr(error, RECORDED_MARK, True)
        span.add_event("exception", explained)


def links_to(*traceparents: object) -> list[Link]:
    """Return links to the spans that *traceparents* name."""
    contexts = (span_context_of(traceparent) for traceparent in traceparents)
    return [Link(context) for context in contexts if context is not None]


def attributes_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return *attributes*, by arguments, under their full names; an unknown argument stays, for strict mode to find."""
    return {_ATTRIBUTES.get(keyword, keyword): value for keyword, value in attributes.items() if value is not None}


def destination_of(exchange: str, routing_key: str, queue: str = "") -> str:
    """Return ``messaging.destination.name`` as the conventions for RabbitMQ build it."""
    parts = [exchange, routing_key] if queue in {"", routing_key} else [exchange, routing_key, queue]
    return ":".join(part for part in parts if part) or "amq.default"


def _step(listed_as: Listed, name: str, common: dict[str, Any]) -> Step:
    return Step(name, SpanKind[listed_as.kind.value], common)
