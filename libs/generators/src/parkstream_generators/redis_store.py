"""The connection to a camera's own Redis DB: one function library, calls that are repeated until they are answered."""

import asyncio
import random
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, AuthorizationError, OutOfMemoryError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from parkstream_generators.background_tasks import asked_to_stop

LIBRARY: Final = "parkstream_cameras_1"
TIMEOUT_SECONDS: Final = 5.0
_FIRST_DELAY_SECONDS: Final = 0.05
_DELAY_SECONDS_MAX: Final = 1.0
_PASSING: Final = (RedisConnectionError, RedisTimeoutError, OutOfMemoryError, ReadOnlyError)
_STAYING: Final = (AuthenticationError, AuthorizationError)
_PASSING_PREFIXES: Final = ("BUSY ", "MISCONF ", "NOREPLICAS ", "CLUSTERDOWN ", "MASTERDOWN ")


class StaleGeneratorError(Exception):
    """Another generator of the same mall and direction is at work; only one may be."""


def connect(url: str, database: int, *, name: str) -> Redis:
    """Return a client of *database* at *url* (which names none) that repeats no command by itself."""
    untyped: Any = Redis
    client: Redis = untyped.from_url(
        url,
        db=int(database),
        protocol=2,
        client_name=name,
        decode_responses=True,
        socket_timeout=TIMEOUT_SECONDS,
        socket_connect_timeout=TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    return client


class Store:
    """Calls the function library in *redis*; ``on_retry(error, delay_seconds)`` is told before each repetition."""

    def __init__(self, redis: Redis, on_retry: Callable[[Exception, float], None]) -> None:
        self._redis: Any = redis
        self._on_retry = on_retry

    async def open(self) -> None:
        """Load the library, as soon as Redis is there."""
        source = files("parkstream_generators").joinpath("functions.lua").read_text("utf-8")
        await self._patiently("execute_command", "FUNCTION LOAD", "REPLACE", source)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def ready(self) -> bool:
        """Return whether Redis answers."""
        try:
            return bool(await self._redis.ping())
        except _PASSING:
            return False

    async def call(self, function: str, keys: list[str], *arguments: str | int) -> Any:  # noqa: ANN401 - as Redis answers
        """Return the answer of *function*; while Redis is away, wait and ask again."""
        return await self._patiently("fcall", f"{LIBRARY}_{function}", len(keys), *keys, *arguments)

    async def hash(self, key: str) -> dict[str, str]:
        """Return the hash at *key*."""
        found: dict[str, str] = await self._patiently("hgetall", key)
        return found

    async def settle_field(self, key: str, field: str, value: int) -> int:
        """Set *field* unless it is set, and return what it holds."""
        await self._patiently("hsetnx", key, field, value)
        return int(await self._patiently("hget", key, field))

    async def size(self, key: str) -> int:
        """Return how many members the sorted set at *key* has."""
        return int(await self._patiently("zcard", key))

    async def _patiently(self, command: str, *arguments: object) -> Any:  # noqa: ANN401 - as Redis answers
        for delay_seconds in _delays():
            try:
                answer = await getattr(self._redis, command)(*arguments)
            except Exception as error:
                if not _passes(error):
                    raise
                self._on_retry(error, delay_seconds)
                await asyncio.sleep(delay_seconds)
            else:
                if asked_to_stop():
                    raise asyncio.CancelledError
                return answer
        raise AssertionError


def _passes(error: Exception) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, ResponseError) and str(error).startswith("STALE "):
        raise StaleGeneratorError(str(error)) from error
    if isinstance(error, _STAYING):
        return False
    return isinstance(error, _PASSING) or (
        isinstance(error, ResponseError) and str(error).startswith(_PASSING_PREFIXES)
    )


def _delays() -> Iterator[float]:
    delay = _FIRST_DELAY_SECONDS
    while True:
        yield delay * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, guards no secret
        delay = min(delay * 2, _DELAY_SECONDS_MAX)
