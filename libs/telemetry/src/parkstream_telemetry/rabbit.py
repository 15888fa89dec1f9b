"""FastStream middleware: a span and two figures per publish, and the context in the message's headers."""

from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from faststream import BaseMiddleware
from faststream.rabbit.response import RabbitPublishCommand

from parkstream_telemetry import names
from parkstream_telemetry.telemetry import Telemetry

if TYPE_CHECKING:
    from faststream._internal.context.repository import ContextRepo


class TracingMiddleware:
    """Makes a middleware per message; hand it to the broker's ``middlewares``."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def __call__(self, msg: Any, /, *, context: "ContextRepo") -> "BaseMiddleware[RabbitPublishCommand, Any]":
        """Return the middleware of one message."""
        return _Publishing(msg, context=context, telemetry=self._telemetry)


class _Publishing(BaseMiddleware[RabbitPublishCommand, Any]):
    def __init__(self, msg: Any, /, *, context: "ContextRepo", telemetry: Telemetry) -> None:
        super().__init__(msg, context=context)
        self._telemetry = telemetry

    async def publish_scope(
        self, call_next: Callable[[RabbitPublishCommand], Awaitable[Any]], cmd: RabbitPublishCommand
    ) -> Any:
        """Publish, and count it."""
        started = perf_counter()
        confirmed = await call_next(cmd)
        self._telemetry.record(names.PUBLISH_DURATION, perf_counter() - started, operation="publish")
        return confirmed
