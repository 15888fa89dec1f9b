"""Makes the broker: confirmed and mandatory publishing, quick reconnects."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from faststream.rabbit import Channel, RabbitBroker

from parkstream_messaging.tolerance import tolerate_properties

RECONNECT_SECONDS = 1.0
CONNECT_TIMEOUT_SECONDS = 10.0
CLOSE_TIMEOUT_SECONDS = 5.0
HEARTBEAT_SECONDS = 10
"""Who hears nothing for twice that takes the other side for dead: RabbitMQ then delivers again what it had."""

_log = logging.getLogger(__name__)


class PreparedBroker(RabbitBroker):
    """Awaits ``prepare(broker)`` each time between connecting and subscribing; its stop ends, whatever happens."""

    prepare: Callable[[RabbitBroker], Awaitable[None]] | None = None
    stop_timeout_seconds: float = 20.0

    async def start(self) -> None:
        """Connect, prepare, subscribe."""
        await self.connect()
        if self.prepare is not None:
            await self.prepare(self)
        await super().start()

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
    on_reconnected: Sequence[Callable[..., Any]] = (),
    graceful_seconds: float = 15.0,
    logger: logging.Logger | None = None,
    prepare: Callable[[RabbitBroker], Awaitable[None]] | None = None,
    fail_fast: bool = True,
) -> RabbitBroker:
    """Return a broker for *url* whose publishes raise ``PublishError`` when no queue takes the message.

    ``prefetch`` bounds the deliveries in flight of subscribers that name no channel of their own; its stop waits up to
    ``graceful_seconds`` for handlers. ``prepare`` is awaited between connecting and subscribing. Without ``fail_fast``,
    connecting waits until RabbitMQ is there.
    """
    tolerate_properties()
    broker = PreparedBroker(
        with_heartbeat(url),
        middlewares=middlewares,
        default_channel=Channel(prefetch_count=prefetch, on_return_raises=True),
        fail_fast=fail_fast,
        reconnect_interval=RECONNECT_SECONDS,
        timeout=CONNECT_TIMEOUT_SECONDS,
        on_reconnected=on_reconnected,
        app_id=None,
        apply_types=False,  # Codecs have decoded what handlers take; casting it again costs more than the rest.
        graceful_timeout=graceful_seconds,
        logger=logger,
    )
    broker.prepare = prepare
    broker.stop_timeout_seconds = graceful_seconds + CLOSE_TIMEOUT_SECONDS
    return broker


def user_of(url: str) -> str:
    """Return as whom *url* logs in."""
    return unquote(urlsplit(url).username or "guest")


def with_heartbeat(url: str) -> str:
    """Return *url* with our heartbeat, unless it names one."""
    query = urlsplit(url).query
    if "heartbeat" in parse_qs(query):
        return url
    return f"{url}{'&' if query else '?'}heartbeat={HEARTBEAT_SECONDS}"
