"""Waits until what was written is on the disks of replicas, too, so that it survives the loss of the primary.

``WAITAOF`` waits for the last write of its own connection. So everything here goes over one connection: the call, a
mark that is written after it (a call that found only duplicates, or a blocked read, wrote nothing), and the wait. A
connection never outlives its primary, so nobody takes the word of one for what was done on another.

Sentinels do not always promote the replica that has most: they look at each only every few seconds. So all that follow
are waited for, and only one that does not keep up is left behind.
"""

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_service.redis.errors import ReplicasBehindError
from parkstream_service.redis.functions import Functions

CALL_MS: Final = 10
"""For how long one call waits: a replica reports what it has when it is asked, and else once a second."""
PATIENCE_SECONDS: Final = 2.0
"""After that those that have it do, if they are enough; else the Sentinels are asked whether this is the primary."""
UNKNOWN: Final = "unknown command"
KEPT_SECONDS: Final = 10 * 365 * 86_400
"""For how long the mark stays that nobody writes any more."""


def _ignore(_: float) -> None:
    """Watch nothing."""


def _unknown() -> int:
    """Return how many follow where nobody counts them."""
    return 0


class Replicas:
    """What is on the disks of *minimum* replicas of *redis* beside its own, and of all that follow.

    *key* is a hash for the mark; ``following()`` returns how many follow. ``on_wait(seconds)`` is called after each
    wait. Redis 7.0 has no ``WAITAOF``: there a replica has it in memory.
    """

    def __init__(
        self,
        redis: Redis,
        minimum: int,
        key: str,
        on_wait: Callable[[float], None] = _ignore,
        following: Callable[[], int] = _unknown,
    ) -> None:
        self._pool: Any = redis.connection_pool
        self._minimum = minimum
        self._key = key
        self._on_wait = on_wait
        self._following = following

    async def execute(self, *command: Any) -> Any:  # noqa: ANN401 - as Redis answers
        """Return what *command* answers; when that is anything, once it is on the replicas."""
        async with self._connection() as connection:
            (answer,) = await _answers(connection, command)
            if isinstance(answer, Exception):
                raise answer
            if answer:
                (marked,) = await _answers(connection, self._mark())
                await self._marked(connection, marked)
                await self._wait(connection)
            return answer

    async def call(self, functions: Functions, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:  # noqa: ANN401 - as Redis answers
        """Return what the function *name* answers, once what it wrote is on the replicas, now or when called before."""
        answer, _ = await self.call_then(functions, name, keys, arguments, ("PING",))
        return answer

    async def call_then(
        self, functions: Functions, name: str, keys: Sequence[str], arguments: Sequence[Any], then: Sequence[str]
    ) -> tuple[Any, Any]:
        """Return what ``Functions.call_then`` does, once it is on the replicas."""
        async with self._connection() as connection:
            command = functions.command(name, keys, arguments)
            answer, after, marked = await _answers(connection, command, then, self._mark())
            functions.check_answer(answer)
            await self._marked(connection, marked)
            await self._wait(connection)
            return answer, after

    def _mark(self) -> tuple[Any, ...]:
        """Return a write that a full Redis allows: what is delivered makes room there."""
        return "EXPIREAT", self._key, int(time.time()) + KEPT_SECONDS

    async def _marked(self, connection: Any, answer: Any) -> None:  # noqa: ANN401 - redis-py's
        """See to it that the mark was written, which was answered with *answer*."""
        if answer == 0:  # There was none yet.
            made, answer = await _answers(connection, ("HSET", self._key, "mark", 1), self._mark())
            answer = made if isinstance(made, Exception) else answer
        if isinstance(answer, Exception):
            raise answer

    async def _wait(self, connection: Any) -> None:  # noqa: ANN401 - redis-py's
        began = time.monotonic()
        wanted = max(self._minimum, self._following())
        while (there := await self._there(connection, wanted)) < wanted:
            if time.monotonic() - began > PATIENCE_SECONDS:
                if there >= self._minimum:
                    break
                connection.mark_for_reconnect()
                raise ReplicasBehindError(self._minimum, there)
        self._on_wait(time.monotonic() - began)

    async def _there(self, connection: Any, wanted: int) -> int:  # noqa: ANN401 - redis-py's
        """Return how many replicas have it, once *wanted* do; none while the primary itself has not."""
        (answer,) = await _answers(connection, ("WAITAOF", 1, wanted, CALL_MS))
        if isinstance(answer, ResponseError) and UNKNOWN in str(answer):
            (answer,) = await _answers(connection, ("WAIT", wanted, CALL_MS))
        if isinstance(answer, ResponseError):
            connection.mark_for_reconnect()
            raise ReplicasBehindError(self._minimum, 0, str(answer)) from answer
        if isinstance(answer, int):
            return answer
        counts: list[int] = answer
        local, there = counts
        return there if local else 0

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Any]:
        connection = await self._pool.get_connection()
        try:
            yield connection
        finally:
            await self._pool.release(connection)


async def _answers(connection: Any, *commands: Sequence[Any]) -> list[Any]:  # noqa: ANN401 - redis-py's
    """Return what each of *commands* answers, errors of Redis too."""
    await connection.send_packed_command(b"".join(part for one in commands for part in connection.pack_command(*one)))
    answers: list[Any] = []
    for _ in commands:
        try:
            answers.append(await connection.read_response())
        except ResponseError as error:
            answers.append(error)
    return answers
