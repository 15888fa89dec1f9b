"""The end of a connection, whoever is at the other end: RabbitMQ, a frozen one, or nobody."""

import asyncio
import logging
from typing import Final

from aio_pika.abc import AbstractConnection

HANG_UP_SECONDS: Final = 5.0

_log = logging.getLogger(__name__)


async def hang_up(connection: AbstractConnection, error: BaseException | None = None) -> None:
    """Close *connection* for good, or with *error* only what carries it: a robust connection then makes another."""
    transport = connection.transport
    if error is None:
        ending = asyncio.create_task(connection.close())
    elif transport is None:
        return
    else:
        ending = asyncio.create_task(transport.connection.close(error))
    done, _ = await asyncio.wait({ending}, timeout=HANG_UP_SECONDS)
    if not done:
        ending.cancel()
        _log.warning("a connection to RabbitMQ did not close within %s s", HANG_UP_SECONDS)
    elif (failure := ending.exception()) is not None:
        _log.info("a connection to RabbitMQ was closed by the other end first: %r", failure)
