"""Calls ``functions.lua``, and loads it into a Redis that has not got it."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

VERSION: Final = 2


def library() -> str:
    """Return the source of the function library."""
    return files("parkstream_eventlog").joinpath("functions.lua").read_text(encoding="utf-8")


def named(function: str) -> str:
    """Return how *function* is called in Redis."""
    return f"parkstream_{function}_{VERSION}"


class Functions:
    """Commands and functions on *redis*, answered as Redis says it: bytes, integers, lists."""

    def __init__(self, redis: Redis) -> None:
        # A client of our own on the same connections, because redis-py's parsing of streams costs more than the rest.
        raw: Any = Redis(connection_pool=redis.connection_pool)
        raw.response_callbacks.clear()
        self.execute: Final[Callable[..., Awaitable[Any]]] = raw.execute_command

    async def call(self, function: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:  # noqa: ANN401 - see class
        """Call *function*, after loading the library when this Redis has not got it (new, or flushed)."""
        command = ("FCALL", named(function), len(keys), *keys, *arguments)
        try:
            return await self.execute(*command)
        except ResponseError as error:
            if "Function not found" not in str(error):
                raise
        await self.execute("FUNCTION", "LOAD", "REPLACE", library())
        return await self.execute(*command)
