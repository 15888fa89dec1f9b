"""What the commands on RabbitMQ open: a connection, whose errors say what to do."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from aio_pika.abc import AbstractConnection
from parkstream_messaging.errors import MessagingError
from parkstream_operations import broker as anybodys
from parkstream_service.unreachable import UnreachableError

from parkstream_cli.connections import unreachable
from parkstream_cli.errors import ToolError

VARIABLE = "PARKSTREAM_RABBITMQ_URL"


@asynccontextmanager
async def broker(url: str) -> AsyncGenerator[AbstractConnection, None]:
    """Connect to the RabbitMQ at *url*; raise ``UnreachableError`` when it is away, ``ToolError`` when it refuses."""
    try:
        async with anybodys.broker(url) as connection:
            yield connection
    except MessagingError as error:
        raise ToolError(str(error)) from error
    except UnreachableError as error:
        raise unreachable(url, error.why, VARIABLE) from error
