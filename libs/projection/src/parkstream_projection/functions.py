"""Calls a library of functions in Redis, and loads it into a Redis that has not got it."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError


class Library(NamedTuple):
    """The functions in a *file* of this package, whose names end in its *version*."""

    file: str
    version: int

    @property
    def source(self) -> str:
        """What Redis loads."""
        return files("parkstream_projection").joinpath(self.file).read_text(encoding="utf-8")


PROJECTING: Final = Library("functions.lua", 3)
SWITCHING: Final = Library("switching.lua", 1)


class Functions:
    """Commands and functions on *redis*, answered as Redis says it: bytes, integers, lists."""

    def __init__(self, redis: Redis, library: Library = PROJECTING) -> None:
        # A client of our own on the same connections, because redis-py's parsing costs more than the rest.
        raw: Any = Redis(connection_pool=redis.connection_pool)
        raw.response_callbacks.clear()
        self._library = library
        self.execute: Callable[..., Awaitable[Any]] = raw.execute_command
        self.pipeline: Callable[..., Any] = raw.pipeline

    async def call(self, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:  # noqa: ANN401 - see class
        """Return what the function *name* answers."""
        command = ("FCALL", f"parkstream_{name}_{self._library.version}", len(keys), *keys, *arguments)
        try:
            return await self.execute(*command)
        except ResponseError as error:
            if "Function not found" not in str(error):
                raise
        await self.execute("FUNCTION", "LOAD", "REPLACE", self._library.source)
        return await self.execute(*command)
