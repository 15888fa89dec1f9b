"""Calls functions that write beside a log: each names the log that is meant, and Redis refuses another or a shorter."""

from collections.abc import Sequence
from typing import Any

from parkstream_service.redis import Functions, Library
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.writer import Writer, refusal_of, writer_here


class GuardedFunctions(Functions):
    """The functions of *library* that are registered as ``guarded``, and the others; see ``RedisLog`` for *writer*."""

    def __init__(self, redis: Redis, library: Library, keys: LogKeys, writer: Writer | None = None) -> None:
        super().__init__(redis, library)
        self._log_keys = keys
        self._writer = writer

    async def write(self, name: str, keys: Sequence[str], arguments: Sequence[Any]) -> Any:  # noqa: ANN401 - see call
        """Return what the guarded function *name* answers; raise ``OtherLogError`` or ``LogShorterError``."""
        writer = self._writer = self._writer or await writer_here(self.execute, self._log_keys)
        caller = writer.caller()
        meant = (caller.log_id, caller.durable_position)
        try:
            return await self.call(name, (*keys, self._log_keys.log_meta), (*arguments, *meant))
        except ResponseError as error:
            raise refusal_of(error, caller) or error from None

    def found(self, position: int) -> None:
        """Note that Redis was found to have the log up to *position*."""
        if self._writer is not None:
            self._writer.found(position)
