"""The process: a FastStream application that starts without RabbitMQ, answers HTTP, and ends when a task fails."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

import uvicorn
from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from faststream.asgi import AsgiFastStream
from faststream.asgi.types import ASGIApp, Receive, Scope, Send
from faststream.rabbit import RabbitBroker
from parkstream_messaging import declare
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_service.retry import retried
from parkstream_telemetry import Telemetry, names

FAILED: Final = 1


class Backend(AsgiFastStream):
    """The backend's application; *lifespan* surrounds everything, *http* answers requests."""

    def __init__(
        self,
        broker: RabbitBroker,
        http: ASGIApp,
        telemetry: Telemetry,
        tasks: BackgroundTasks,
        lifespan: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        super().__init__(broker, logger=None, lifespan=lifespan)
        self.exit_code = 0
        self.server: uvicorn.Server | None = None
        self._rabbit = broker
        self._http = http
        self._telemetry = telemetry
        self._tasks = tasks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or start and stop with the server."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def give_up(self) -> None:
        """End the process with a failure."""
        self.exit_code = FAILED
        if self.server is not None:
            self.server.should_exit = True

    async def _start_broker(self) -> None:
        """Connect, declare and subscribe, again and again until all of it is done.

        FastStream would end with the first error, and leave a process that answers HTTP and takes no deliveries.
        A process without subscribers needs no RabbitMQ.
        """
        if not self._rabbit.subscribers:
            self._telemetry.log(names.EVENT_STARTED)
            return
        try:
            await retried(self._start_once, when=_is_away, on_retry=self._waiting, first_seconds=0.2, most_seconds=5.0)
        except Exception as error:  # noqa: BLE001 - whatever it is, the process must not live on without a broker
            self._tasks.fail("listen", error)
        else:
            self._telemetry.log(names.EVENT_STARTED)

    def _waiting(self, error: Exception) -> None:
        self._telemetry.log(names.EVENT_WAITING, dependency="rabbitmq", detail=f"{type(error).__name__}: {error}")

    async def _start_once(self) -> None:
        try:
            await self._rabbit.connect()
            await declare(self._rabbit)
            for subscriber in self._rabbit.subscribers:
                subscriber.running = True  # FastStream drops what is delivered before it has set this itself.
            await self._rabbit.start()
        except CONNECTION_EXCEPTIONS:
            await self._rabbit.stop()
            raise


def _is_away(error: Exception) -> bool:
    return isinstance(error, CONNECTION_EXCEPTIONS)
