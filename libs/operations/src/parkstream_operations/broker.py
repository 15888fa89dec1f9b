"""A connection to RabbitMQ for as long as a person's question or act takes."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import CONNECTION_EXCEPTIONS, AMQPError
from parkstream_messaging.nodes import connected
from parkstream_service.unreachable import UnreachableError, reason


@asynccontextmanager
async def broker(url: str) -> AsyncGenerator[AbstractConnection, None]:
    """Connect to the RabbitMQ at *url*; raise ``UnreachableError`` also when it goes away meanwhile."""
    try:
        async with await connected(url) as connection:
            yield connection
    except (*CONNECTION_EXCEPTIONS, AMQPError, TimeoutError) as error:
        raise UnreachableError(url, reason(error)) from error
