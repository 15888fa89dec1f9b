"""What the commands on the log open: Redis, the log with its archive, the outbox, the projections."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from parkstream_eventlog import Writer
from parkstream_operations.written_log import opened_on
from parkstream_projection.opened import Opened
from parkstream_service.redis import Client, LibraryMissingError, connect
from parkstream_service.settings import hosts_of, settings_or_exit
from parkstream_service.unreachable import UnreachableError, reason
from redis.exceptions import RedisError

from parkstream_cli.discovery import environ_here
from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.settings import Settings

VARIABLE = "PARKSTREAM_REDIS_URL"


def settings_here() -> Settings:
    """Return what the environment says, and what runs here; exit with 2 and every problem when it is wrong."""
    return settings_or_exit(Settings, environ_here())


def unreachable(url: str, why: str, variable: str) -> UnreachableError:
    """Return an error that names the *variable* to set."""
    return UnreachableError(hosts_of(url), f"{why} (start it, or set {variable})")


def client_of(settings: Settings) -> Client:
    """Return a client of the Redis that *settings* name; raise ``ToolError`` when they ask for what it cannot."""
    try:
        return connect(settings.redis_url, name="parkstream-cli")
    except ValueError as error:
        message = f"{VARIABLE} is {hosts_of(settings.redis_url)}: {error}"
        raise ToolError(message, exit_code=MISUSED) from error


@asynccontextmanager
async def opened(settings: Settings, writer: Writer | None = None) -> AsyncGenerator[Opened, None]:
    """Open what *settings* name, with the archive, for *writer*; raise ``UnreachableError`` when Redis does not answer.

    Whoever writes takes ``opened_to_write``.
    """
    redis = client_of(settings)
    try:
        yield opened_on(redis, settings.mall, settings.archive_dir, writer)
    except LibraryMissingError:
        raise
    except RedisError as error:
        raise unreachable(settings.redis_url, reason(error), VARIABLE) from error
    finally:
        await redis.aclose()
