"""Calls a library of functions in Redis, and loads it into a Redis that has not got it."""

from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from typing import Any, Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_service.redis.client import Client

_NOT_FOUND: Final = "Function not found"
"""Redis gives this answer no code of its own."""


class Library(NamedTuple):
    """A library of functions: its Lua *sources* are loaded as one, so that several may begin with a shared one.

    Names of functions are shared by all libraries of a Redis: each is *prefix*, the function, and the *version*. The
    sources find the name of the library and its version as ``LIBRARY`` and ``VERSION``.
    """

    name: str
    version: int
    sources: tuple[str, ...]
    prefix: str = "parkstream"

    @property
    def source(self) -> str:
        """What Redis loads."""
        head = f"#!lua name={self.name}_{self.version}\nlocal LIBRARY, VERSION = '{self.name}', '{self.version}'\n"
        return head + "".join(self.sources)

    def function(self, name: str) -> str:
        """Return how the function *name* is called in Redis."""
        return f"{self.prefix}_{name}_{self.version}"


def source_of(package: str, file: str) -> str:
    """Return the Lua source in *file* of *package*."""
    return files(package).joinpath(file).read_text(encoding="utf-8")


class Functions:
    """Commands, pipelines and the functions of *library*, answered as Redis sends it: bytes, integers, lists."""

    def __init__(self, redis: Redis, library: Library) -> None:
        # A client of our own on the same connections, because redis-py's parsing of answers costs more than the rest.
        raw: Any = Client(connection_pool=redis.connection_pool)
        raw.response_callbacks.clear()
        self._library = library
        self.execute: Final[Callable[..., Awaitable[Any]]] = raw.execute_command
        self.pipeline: Final[Callable[..., Any]] = raw.pipeline

    async def call(self, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:  # noqa: ANN401 - see class
        """Return what the function *name* answers, after loading the library when this Redis has not got it."""
        command = self.command(name, keys, arguments)
        try:
            return await self.execute(*command)
        except ResponseError as error:
            if _NOT_FOUND not in str(error):
                raise
        await self.load()
        return await self.execute(*command)

    async def call_then(
        self, name: str, keys: Sequence[str], arguments: Sequence[Any], then: Sequence[str]
    ) -> tuple[Any, Any]:
        """Return what the function *name* answers, and what the command *then* gave after it, in one round trip.

        Raises the error of the function; that of the command is returned.
        """
        command = self.command(name, keys, arguments)
        answer, after = await self._both(command, then)
        if isinstance(answer, ResponseError) and _NOT_FOUND in str(answer):
            await self.load()
            answer, after = await self._both(command, then)
        if isinstance(answer, Exception):
            raise answer
        return answer, after

    async def _both(self, first: Sequence[Any], second: Sequence[Any]) -> tuple[Any, Any]:
        async with self.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(*first)
            pipeline.execute_command(*second)
            answer, after = await pipeline.execute(raise_on_error=False)
        return answer, after

    def command(self, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Return the command that calls the function *name*, for a pipeline."""
        return ("FCALL", self._library.function(name), len(keys), *keys, *arguments)

    async def load(self) -> None:
        """Load the library, over any of the same name and version."""
        await self.execute("FUNCTION", "LOAD", "REPLACE", self._library.source)
