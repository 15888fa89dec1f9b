"""A camera's own Redis DB: one function library, calls that are repeated until they are answered."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from parkstream_service.redis import Functions, Library, Replicas, code_of, is_transient, source_of
from parkstream_service.retry import OnRetry, Wait, retried
from redis.asyncio import Redis
from redis.exceptions import ResponseError

CAMERAS: Final = Library(
    "parkstream_cameras", 3, (source_of("parkstream_generators", "functions.lua"),), prefix="parkstream_cameras"
)


class StaleGeneratorError(Exception):
    """Another generator of the same mall and direction is at work; only one may be."""


class Store:
    """Calls the function library in *redis*; ``on_retry(error)`` is called before each repetition.

    What is written is on *replicas*, too, before a call returns.
    """

    def __init__(self, redis: Redis, on_retry: OnRetry, replicas: Replicas | None = None) -> None:
        self._redis = redis
        self._replicas = replicas
        self._functions = Functions(redis, CAMERAS)
        self._wait = Wait(on_retry)

    async def open(self) -> None:
        """Return as soon as Redis is there, and has the library."""
        await self._answered(self._functions.check)

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def problem(self) -> str:
        """Return what somebody waits for in Redis, or why it does not answer as it should; "" when it does."""
        if self._wait.problem:
            return self._wait.problem
        try:
            await self._functions.check()
        except Exception as error:
            if not is_transient(error):
                raise
            return f"{type(error).__name__}: {error}"
        return ""

    async def call(self, function: str, keys: list[str], *arguments: str | int) -> Any:  # noqa: ANN401 - as Redis answers
        """Return the answer of *function*; while Redis is away, wait and ask again."""
        try:
            return await self._answered(lambda: self._called(function, keys, arguments))
        except ResponseError as error:
            if code_of(error) != "STALE":
                raise
            raise StaleGeneratorError(str(error)) from error

    async def _called(self, function: str, keys: list[str], arguments: Sequence[str | int]) -> Any:  # noqa: ANN401 - as Redis answers
        if self._replicas is None:
            return await self._functions.call(function, keys, arguments)
        return await self._replicas.call(self._functions, function, keys, arguments)

    async def read(self, function: str, keys: list[str], *arguments: str | int) -> Any:  # noqa: ANN401 - as Redis answers
        """Return the answer of *function*, which writes nothing; while Redis is away, wait and ask again."""
        return await self._answered(lambda: self._functions.call(function, keys, arguments))

    async def hash(self, key: str) -> dict[str, str]:
        """Return the hash at *key*."""
        flat: list[bytes] = await self._execute("HGETALL", key)
        return {name.decode(): value.decode() for name, value in zip(flat[::2], flat[1::2], strict=True)}

    async def field(self, key: str, name: str) -> str:
        """Return the field *name* of the hash at *key*; "" when there is none."""
        found: bytes | None = await self._execute("HGET", key, name)
        return (found or b"").decode()

    async def settle_field(self, key: str, field: str, value: int) -> int:
        """Set *field* unless it is set, and return what it holds."""
        await self._execute("HSETNX", key, field, value)
        return int(await self._execute("HGET", key, field))

    async def size(self, key: str) -> int:
        """Return how many members the sorted set at *key* has."""
        return int(await self._execute("ZCARD", key))

    async def _execute(self, *command: str | int) -> Any:  # noqa: ANN401 - as Redis answers
        return await self._answered(lambda: self._functions.execute(*command))

    async def _answered(self, call: Callable[[], Awaitable[Any]]) -> Any:  # noqa: ANN401 - as Redis answers
        return await retried(call, on_retry=self._wait, most_seconds=1.0)
