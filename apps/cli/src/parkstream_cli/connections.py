"""What the commands on the log open: Redis, the log with its archive, the outbox, the projections."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from parkstream_devtools.probes import UnreachableError, reason
from parkstream_eventlog import RedisLog, Writer
from parkstream_eventlog.archive import spanning
from parkstream_events.keys import BackendKeys
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_projection import Outbox, Reads
from parkstream_projection.opened import Opened
from parkstream_service.redis import Client, LibraryMissingError, connect
from parkstream_service.settings import hosts_of, settings_or_exit
from redis.exceptions import RedisError

from parkstream_cli.errors import MISUSED, ToolError
from parkstream_cli.settings import Settings

VARIABLE = "PARKSTREAM_REDIS_URL"


def settings_here() -> Settings:
    """Return what the environment says; exit with 2 and every problem when it is wrong."""
    return settings_or_exit(Settings, os.environ)


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
    keys = BackendKeys(settings.mall)
    try:
        log = spanning(RedisLog(redis, keys, LOG_SCHEMA, writer=writer), settings.archive_dir, settings.mall)
        yield Opened(redis, keys, log, Outbox(redis, keys, writer=writer), Reads(redis, keys), writer)
    except LibraryMissingError:
        raise
    except RedisError as error:
        raise unreachable(settings.redis_url, reason(error), VARIABLE) from error
    finally:
        await redis.aclose()
