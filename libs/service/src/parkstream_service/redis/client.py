"""The client of Redis: it repeats no command by itself, packs in C, and never loses a cancellation while it sends.

However a connection ends, its callers see one of redis-py's errors: uvloop raises a bare ``RuntimeError`` when
something is done with a transport that it has closed, which says neither what nor where.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import hiredis
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.asyncio.connection import AbstractConnection, Connection, SSLConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.typing import EncodableT

from parkstream_service.redis.sentinels import PrimaryPool, ToPrimary, ToPrimarySSL, Watched

SOCKET_TIMEOUT_SECONDS = 5.0
"""A call that blocks in Redis must ask for less."""
CONNECT_TIMEOUT_SECONDS = 2.0

_hiredis: Any = hiredis


class Packing(AbstractConnection):
    """Writes commands in C, as redis-py's blocking client does: 500 events take 0.4 ms instead of 4."""

    def pack_command(self, *args: EncodableT) -> list[bytes]:
        """Return the command as it goes over the wire; the name may be several words."""
        name = args[0].split() if isinstance(args[0], str | bytes) else args[:1]
        try:
            return [_hiredis.pack_command((*name, *args[1:]))]
        except TypeError:
            return super().pack_command(*args)

    async def send_packed_command(
        self,
        command: bytes | str | Iterable[bytes],
        check_health: bool = True,  # noqa: FBT001, FBT002 - as redis-py calls it
    ) -> None:
        """Send as redis-py does, without its ``wait_for``: that loses a cancellation now and then on Python 3.11."""
        if not self.is_connected:
            await self.connect_check_health(check_health=False)
        if check_health:
            untyped: Any = self
            await untyped.check_health()
        whole = command.encode() if isinstance(command, str) else command
        try:
            async with asyncio.timeout(self.socket_timeout):
                await self._send_packed_command([whole] if isinstance(whole, bytes) else whole)
        except BaseException as error:
            await self.disconnect(nowait=True)  # Nobody knows how much was sent.
            if isinstance(error, OSError | RuntimeError):  # A TimeoutError is an OSError.
                raise _as_redis_reports(error) from error
            raise

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as redis-py has it
        """Read as redis-py does; a transport that was closed meanwhile is a lost connection."""
        untyped: Any = super()
        try:
            return await untyped.read_response(*args, **kwargs)
        except RuntimeError as error:
            await self.disconnect(nowait=True)
            raise _as_redis_reports(error) from error

    async def disconnect(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as redis-py has it
        """Disconnect as redis-py does, to which it is no error either when the other side was first."""
        with suppress(RuntimeError):
            await super().disconnect(*args, **kwargs)


def _as_redis_reports(error: OSError | RuntimeError) -> RedisError:
    if isinstance(error, TimeoutError):
        return RedisTimeoutError("Timeout writing to socket")
    return RedisConnectionError(f"the connection was lost: {error}")


class PackingConnection(Packing, Connection):
    """Over TCP."""


class PackingSSLConnection(Packing, SSLConnection):
    """Over TLS."""


class PackingToPrimary(Packing, ToPrimary):
    """Over TCP, to whom the Sentinels name."""


class PackingToPrimarySSL(Packing, ToPrimarySSL):
    """The same over TLS."""


class PlainPipeline(Pipeline):
    """Leaves each error as Redis answered it."""

    def annotate_exception(self, exception: Exception, number: int, command: Iterable[object]) -> None:
        """Add nothing: the code of the reply stays its first word, and the command may hold plates."""


class Client(Redis):
    """A client whose pipelines raise what a single command would raise."""

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002
        """Return a pipeline; with *transaction* all of its commands run in one step."""
        return PlainPipeline(self.connection_pool, self.response_callbacks, transaction, shard_hint)


def connect(
    url: str,
    database: int = 0,
    *,
    name: str = "parkstream",
    timeout_seconds: float = SOCKET_TIMEOUT_SECONDS,
    on_connect: Callable[[AbstractConnection], Awaitable[None]] | None = None,
) -> Client:
    """Return a client of *database* at *url*, known to Redis as *name*, that never repeats a command by itself.

    Nothing is sent before the first command. *on_connect* makes each connection ready, or refuses it. Raises
    ``ValueError`` when the URL names a DB or what no client has.
    """
    watched = Watched.at(url)
    if (watched is None and urlsplit(url).path.strip("/")) or "db=" in urlsplit(url).query:
        message = "the URL of Redis must not name a DB: each service has its own"
        raise ValueError(message)
    options = {
        "db": int(database),
        "protocol": 2,
        "client_name": name,
        "driver_info": None,  # Redis 7.0 has no CLIENT SETINFO, so that no user could be given the right to it.
        "socket_timeout": timeout_seconds,
        "socket_connect_timeout": min(timeout_seconds, CONNECT_TIMEOUT_SECONDS),
        "retry": Retry(NoBackoff(), 0),
        "redis_connect_func": on_connect,
    }
    try:
        client = _plain(url, options) if watched is None else _watched(watched, options)
        pool: Any = client.connection_pool
        pool.make_connection()  # Connects nothing, but takes what the URL asks for.
    except TypeError as error:
        message = f"the URL of Redis asks for something that does not exist: {error}"
        raise ValueError(message) from error
    return client


def _plain(url: str, options: dict[str, Any]) -> Client:
    untyped: Any = Client
    client: Client = untyped.from_url(url, **options)
    tls = issubclass(client.connection_pool.connection_class, SSLConnection)
    client.connection_pool.connection_class = PackingSSLConnection if tls else PackingConnection
    return client


def _watched(watched: Watched, options: dict[str, Any]) -> Client:
    untyped: Any = PrimaryPool
    kind = PackingToPrimarySSL if watched.tls else PackingToPrimary
    sentinels = watched.asked(options["client_name"])
    client: Any = Client.from_pool(
        untyped(watched.name, sentinels, connection_class=kind, **{**options, **watched.options})
    )
    found: Client = client
    return found
