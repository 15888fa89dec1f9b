"""Calls a library of functions in Redis. Services load none: ``parkstream functions load`` does, before they start.

So neither a full Redis nor a user who may only call functions keeps a service from working. No service may send code.
"""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final, NamedTuple

from redis import Redis as BlockingRedis
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_service.redis.client import Client
from parkstream_service.redis.errors import LibraryMissingError, LibraryOtherError

_LIST: Final = ("FUNCTION", "LIST", "LIBRARYNAME")
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
    def versioned_name(self) -> str:
        """What Redis calls it: versions stand side by side, so that programs of two versions may."""
        return f"{self.name}_{self.version}"

    @property
    def source(self) -> str:
        """What Redis loads."""
        head = f"#!lua name={self.versioned_name}\nlocal LIBRARY, VERSION = '{self.name}', '{self.version}'\n"
        return head + "".join(self.sources)

    def function(self, name: str) -> str:
        """Return how the function *name* is called in Redis."""
        return f"{self.prefix}_{name}_{self.version}"


def source_of(package: str, file: str) -> str:
    """Return the Lua source in *file* of *package*."""
    return files(package).joinpath(file).read_text(encoding="utf-8")


READS: Final = Library("parkstream_reads", 1, (source_of("parkstream_service.redis", "reads.lua"),))


class Functions:
    """Commands, pipelines and the functions of *library*, answered as Redis sends it: bytes, integers, lists."""

    def __init__(self, redis: Redis, library: Library) -> None:
        # A client of our own on the same connections, because redis-py's parsing of answers costs more than the rest.
        raw: Any = Client(connection_pool=redis.connection_pool)
        raw.response_callbacks.clear()
        self._library = library
        self.execute: Final[Callable[..., Awaitable[Any]]] = raw.execute_command
        self.pipeline: Final[Callable[..., Any]] = raw.pipeline

    async def at_once(self, *commands: Sequence[Any]) -> list[Any]:
        """Return what *commands*, which only read, answer as of one moment, also when Redis is full.

        A Redis that is full takes no MULTI: what is queued there needs memory.
        """
        words = [word for command in commands for word in (len(command), *command)]
        answers: list[Any] = await self._called(READS, "FCALL_RO", READS.function("at_once"), 0, *words)
        return answers

    async def call(self, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:  # noqa: ANN401 - see class
        """Return what the function *name* answers; raise ``LibraryMissingError`` when this Redis has not got it."""
        return await self._called(self._library, *self.command(name, keys, arguments))

    async def _called(self, library: Library, *command: Any) -> Any:  # noqa: ANN401 - see class
        try:
            return await self.execute(*command)
        except ResponseError as error:
            if _NOT_FOUND not in str(error):
                raise
        raise LibraryMissingError(library.versioned_name)

    async def call_then(
        self, name: str, keys: Sequence[str], arguments: Sequence[Any], then: Sequence[str]
    ) -> tuple[Any, Any]:
        """Return what the function *name* answers, and what the command *then* gave after it, in one round trip.

        Raises the error of the function; that of the command is returned.
        """
        async with self.pipeline(transaction=False) as pipeline:
            pipeline.execute_command(*self.command(name, keys, arguments))
            pipeline.execute_command(*then)
            answer, after = await pipeline.execute(raise_on_error=False)
        self.check_answer(answer)
        return answer, after

    def check_answer(self, answer: Any) -> None:  # noqa: ANN401 - see class
        """Raise *answer* when it is an error; ``LibraryMissingError`` when Redis has not got the function."""
        if isinstance(answer, ResponseError) and _NOT_FOUND in str(answer):
            raise LibraryMissingError(self._library.versioned_name)
        if isinstance(answer, Exception):
            raise answer

    def command(self, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> tuple[Any, ...]:
        """Return the command that calls the function *name*, for a pipeline."""
        return ("FCALL", self._library.function(name), len(keys), *keys, *arguments)

    async def check(self) -> None:
        """Raise ``LibraryMissingError`` unless this Redis has the library, ``LibraryOtherError`` unless it is ours."""
        for library in (READS, self._library):
            await self._check(library)

    async def _check(self, library: Library) -> None:
        found = _named(library, await self.execute(*_LIST, library.versioned_name, "WITHCODE"))
        if found is None:
            raise LibraryMissingError(library.versioned_name)
        if library.source.encode() not in found:
            raise LibraryOtherError(library.versioned_name)


def _named(library: Library, found: Sequence[Sequence[Any]]) -> Sequence[Any] | None:
    """Return *library* out of what Redis has *found*: to that, upper and lower case are the same."""
    return next((one for one in found if library.versioned_name.encode() in one), None)


class Loaded(StrEnum):
    """What ``load`` did."""

    LOADED = "loaded"
    PRESENT = "present"
    REPLACED = "replaced"


def load(redis: BlockingRedis, library: Library) -> Loaded:
    """Load *library* unless *redis* has it, which is always possible: a Redis that is full takes no new one."""
    untyped: Any = redis
    there = _named(library, untyped.execute_command(*_LIST, library.versioned_name, "WITHCODE"))
    if there and library.source.encode() in there:
        return Loaded.PRESENT
    untyped.execute_command("FUNCTION", "LOAD", "REPLACE", library.source)
    return Loaded.REPLACED if there else Loaded.LOADED
