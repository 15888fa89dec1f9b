"""FastStream middleware: one span per publish, one per process if asked, and the context in the message's headers."""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

from aio_pika import Message
from faststream import BaseMiddleware
from faststream.rabbit.response import RabbitPublishCommand
from opentelemetry.context import attach, detach
from opentelemetry.trace import INVALID_SPAN, Span, get_current_span, set_span_in_context
from parkstream_events.topology import GATE_HEADER, LINKED_TRACEPARENT_HEADER, TRACEPARENT_HEADER

from parkstream_telemetry import names
from parkstream_telemetry.kinds import Metric
from parkstream_telemetry.steps import destination_of, end, links_to
from parkstream_telemetry.tracecontext import span_context_of, traceparent_of

if TYPE_CHECKING:
    from faststream import ContextRepo, StreamMessage

    from parkstream_telemetry.telemetry import Telemetry

Headers = dict[str, Any]


class TracingMiddleware:
    """Makes a middleware per message; hand it to the broker's ``middlewares``.

    A publish is a child of the ``traceparent`` in its headers, else of the current context, else begins a trace; it
    links to the header for linked traces. With ``process`` each delivery is a span too, its handler's current one.
    """

    def __init__(self, telemetry: "Telemetry", *, process: bool = False) -> None:
        self._telemetry = telemetry
        self._process = process

    def __call__(self, msg: Any, /, *, context: "ContextRepo") -> "BaseMiddleware[RabbitPublishCommand, Any]":  # noqa: ANN401
        """Return the middleware of one message."""
        return _Traced(msg, context=context, telemetry=self._telemetry, process=self._process)


class _Traced(BaseMiddleware[RabbitPublishCommand, Any]):
    __slots__ = ("_process", "_telemetry")

    def __init__(self, msg: Any, /, *, context: "ContextRepo", telemetry: "Telemetry", process: bool) -> None:  # noqa: ANN401
        super().__init__(msg, context=context)
        self._telemetry = telemetry
        self._process = process

    async def publish_scope(
        self, call_next: Callable[[RabbitPublishCommand], Awaitable[Any]], cmd: RabbitPublishCommand
    ) -> Any:  # noqa: ANN401 - what FastStream returns
        """Publish under a span, whose context the message carries on."""
        span, started = self._publishing(cmd), perf_counter()
        error: BaseException | None = None
        try:
            return await call_next(cmd)
        except BaseException as raised:
            error = raised
            raise
        finally:
            self._count(_PUBLISH, destination_of(cmd.exchange.name, cmd.destination), started, error)
            end(span, error=error)

    async def consume_scope(self, call_next: Callable[[Any], Awaitable[Any]], msg: "StreamMessage[Any]") -> Any:  # noqa: ANN401
        """Process under a span that is the current one, if asked to."""
        if not self._process:
            return await call_next(msg)
        path, started = self._path(msg), perf_counter()
        span = self._processing(msg, path)
        token = attach(set_span_in_context(span))
        error: BaseException | None = None
        try:
            return await call_next(msg)
        except BaseException as raised:
            error = raised
            raise
        finally:
            detach(token)
            self._count(_PROCESS, destination_of(*path), started, error)
            end(span, error=error)

    def _publishing(self, cmd: RabbitPublishCommand) -> Span:
        if not self._telemetry.tracing:
            return INVALID_SPAN
        headers: Headers = dict(_headers(cmd))
        parent = span_context_of(headers.get(TRACEPARENT_HEADER)) or get_current_span().get_span_context()
        span = self._telemetry.steps.publish(
            cmd.exchange.name,
            cmd.destination,
            parent=parent if parent.is_valid else None,
            links=links_to(headers.get(LINKED_TRACEPARENT_HEADER)),
            message_id=cmd.body.message_id if isinstance(cmd.body, Message) else cmd.message_options.get("message_id"),
            body_size=_size(cmd.body),
            gate=headers.get(GATE_HEADER),
        )
        headers[TRACEPARENT_HEADER] = traceparent_of(span)
        if isinstance(cmd.body, Message):
            cmd.body.headers = headers
        else:
            cmd.headers = headers
        return span

    def _processing(self, msg: "StreamMessage[Any]", path: tuple[str, str, str]) -> Span:
        return self._telemetry.steps.process(
            *path,
            traceparent=msg.headers.get(TRACEPARENT_HEADER),
            message_id=self._telemetry.public_id(msg.message_id, None),
            body_size=len(msg.body),
            redelivered=True if msg.raw_message.redelivered else None,
        )

    def _path(self, msg: "StreamMessage[Any]") -> tuple[str, str, str]:
        queue = getattr(self.context.get_local("handler_"), "queue", None)
        return msg.raw_message.exchange or "", msg.raw_message.routing_key or "", getattr(queue, "name", "")

    def _count(self, what: "_Operation", destination: str, started: float, error: BaseException | None) -> None:
        labels = {"system": "rabbitmq", "destination": destination, "operation": what.name}
        if error is not None:
            labels["error_type"] = type(error).__qualname__
        self._telemetry.add(what.messages, 1, **labels)
        self._telemetry.record(what.duration, perf_counter() - started, **labels)


class _Operation(NamedTuple):
    name: str
    messages: Metric
    duration: Metric


_PUBLISH = _Operation("publish", names.SENT_MESSAGES, names.PUBLISH_DURATION)
_PROCESS = _Operation("process", names.CONSUMED_MESSAGES, names.PROCESS_DURATION)


def _headers(cmd: RabbitPublishCommand) -> Mapping[str, Any]:
    return (cmd.body.headers if isinstance(cmd.body, Message) else cmd.headers) or {}


def _size(body: object) -> int | None:
    content = body.body if isinstance(body, Message) else body
    return len(content) if isinstance(content, bytes) else None
