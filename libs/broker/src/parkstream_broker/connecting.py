"""Makes the broker: confirmed and mandatory publishing, quick reconnects."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from faststream.rabbit import Channel, RabbitBroker

from parkstream_broker.tolerance import tolerate_properties

RECONNECT_SECONDS = 1.0
CONNECT_TIMEOUT_SECONDS = 10.0


def make_broker(
    url: str,
    *,
    middlewares: Sequence[Any] = (),
    prefetch: int | None = None,
    on_reconnected: Sequence[Callable[..., Any]] = (),
    graceful_seconds: float = 15.0,
    logger: logging.Logger | None = None,
) -> RabbitBroker:
    """Return a broker for *url* whose publishes raise ``PublishError`` when no queue takes the message.

    ``prefetch`` bounds the deliveries in flight of subscribers that name no channel of their own; its stop waits up to
    ``graceful_seconds`` for handlers.
    """
    tolerate_properties()
    return RabbitBroker(
        url,
        middlewares=middlewares,
        default_channel=Channel(prefetch_count=prefetch, on_return_raises=True),
        reconnect_interval=RECONNECT_SECONDS,
        timeout=CONNECT_TIMEOUT_SECONDS,
        on_reconnected=on_reconnected,
        app_id=None,
        graceful_timeout=graceful_seconds,
        logger=logger,
    )
