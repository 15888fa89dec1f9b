"""Makes the broker: confirmed and mandatory publishing, quick reconnects."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any

from faststream.rabbit import Channel, RabbitBroker

from parkstream_messaging.hang_up import hang_up
from parkstream_messaging.nodes import CONNECT_TIMEOUT_SECONDS, Nodes
from parkstream_messaging.tolerance import tolerate_properties

RECONNECT_SECONDS = 1.0
CLOSE_TIMEOUT_SECONDS = 5.0

_log = logging.getLogger(__name__)


class PreparedBroker(RabbitBroker):
    """Awaits ``prepare(broker)`` each time between connecting and subscribing; its stop ends, whatever happens.

    It connects to one of ``nodes``, and says to which when it has started and after each reconnect.
    """

    nodes: Nodes
    prepare: Callable[[RabbitBroker], Awaitable[None]] | None = None
    on_connected: Callable[[str], None] | None = None
    stop_timeout_seconds: float = 20.0

    async def start(self) -> None:
        """Connect, prepare, subscribe."""
        await self.connect()
        if self.prepare is not None:
            await self.prepare(self)
        await super().start()
        self.report_connected()

    def connect_to(self, nodes: Nodes, on_connected: Callable[[str], None] | None) -> None:
        """Connect to one of *nodes* from here on, and call *on_connected* with it."""
        self.nodes, self.on_connected = nodes, on_connected
        # FastStream hands these on to aio-pika, but takes no class of a connection: a contract test holds it to that.
        self._connection_kwargs["connection_class"] = nodes.robust()

    async def renew(self) -> None:
        """Let go of the connection: it is made anew, to another node, with all that was on it."""
        await hang_up(await self.connect(), ConnectionError("a new connection is wanted"))

    def report_connected(self, *_: object) -> None:
        """Say to which node it is connected."""
        if self.on_connected is not None:
            self.on_connected(self.nodes.current)

    async def stop(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        """Close the connection; one that does not close is left, because what is not settled comes again anyway."""
        try:
            async with asyncio.timeout(self.stop_timeout_seconds):
                await super().stop(exc_type, exc_val, exc_tb)
        except TimeoutError:
            _log.warning("the connection to RabbitMQ did not close within %s s", self.stop_timeout_seconds)


def make_broker(  # noqa: PLR0913 - options by name
    url: str,
    *,
    middlewares: Sequence[Any] = (),
    prefetch: int | None = None,
    on_connected: Callable[[str], None] | None = None,
    graceful_seconds: float = 15.0,
    logger: logging.Logger | None = None,
    prepare: Callable[[RabbitBroker], Awaitable[None]] | None = None,
    fail_fast: bool = True,
) -> PreparedBroker:
    """Return a broker for *url* whose publishes raise ``PublishError`` when no queue takes the message.

    ``prefetch`` bounds the deliveries in flight of subscribers that name no channel of their own; its stop waits up to
    ``graceful_seconds`` for handlers. ``prepare`` is awaited between connecting and subscribing; ``on_connected`` gets
    the node whenever it is connected. Without ``fail_fast``, connecting waits until RabbitMQ is there.
    """

    def reconnected(_: object) -> None:
        broker.report_connected()

    tolerate_properties()
    nodes = Nodes(url)
    broker: PreparedBroker = PreparedBroker(
        nodes.url,
        middlewares=middlewares,
        default_channel=Channel(prefetch_count=prefetch, on_return_raises=True),
        fail_fast=fail_fast,
        reconnect_interval=RECONNECT_SECONDS,
        timeout=CONNECT_TIMEOUT_SECONDS,
        on_reconnected=[reconnected],
        app_id=None,
        apply_types=False,  # Codecs have decoded what handlers take; casting it again costs more than the rest.
        graceful_timeout=graceful_seconds,
        logger=logger,
    )
    broker.connect_to(nodes, on_connected)
    broker.prepare = prepare
    broker.stop_timeout_seconds = graceful_seconds + CLOSE_TIMEOUT_SECONDS
    return broker
