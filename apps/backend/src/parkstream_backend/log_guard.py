"""Whether Redis holds the log that the mark names, at least as long: before the first write and all the time.

Connections to a Redis that was not compared are refused. When it changes under an open connection its functions refuse,
because every write names the log that is meant.
"""

import asyncio
import time
from typing import Any, Final
from uuid import uuid4

from msgspec.structs import replace
from parkstream_eventlog import EventLogError, LogKeys, LogShorterError, OtherLogError, Writer
from parkstream_eventlog.extent import Extent, check_extent, extent_of
from parkstream_eventlog.functions import LOG
from parkstream_events.marks import Mark
from parkstream_messaging.mark_stream import MarkStream, MarkUnreachableError
from parkstream_service.redis import Functions, PassingError, is_transient
from parkstream_service.retry import Wait
from parkstream_telemetry import Telemetry, names
from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

LOOK_SECONDS: Final = 1.0
"""A mark is that much behind at most."""
NOT_COMPARED: Final = "not compared with the mark yet"


class OtherMallError(EventLogError, PassingError):
    """The mark is that of another mall: its events must not come into this one's log."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"this RabbitMQ keeps the events and the mark of the mall {found!r}, not of {expected!r}: give each mall a "
            f"virtual host of its own (parkstream cells add {expected}), or set PARKSTREAM_RABBITMQ_URL or "
            f"PARKSTREAM_MALL; a mall that was renamed is still {found!r} (runbook: a mall gets another name)"
        )


class MovedAwayError(EventLogError, PassingError):
    """The mall was moved to another RabbitMQ: what waits here was taken there, and nobody publishes here."""

    def __init__(self, mall: str) -> None:
        super().__init__(
            f"the mall {mall!r} was moved to another RabbitMQ: set PARKSTREAM_RABBITMQ_URL to that one (parkstream "
            "cells list) and start this again; a move that was interrupted is run again"
        )


NOT_HERE: Final = (OtherMallError, MovedAwayError)


class LogGuard:
    """Compares the log of *mall*, read through *redis*, with *marks*, and renews the mark.

    *redis* has connections of its own, all others are let through by ``admit``. *writer* is that of all who write,
    *wait* notes a Redis that is away.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        redis: Redis,
        keys: LogKeys,
        marks: MarkStream,
        writer: Writer,
        mall: str,
        telemetry: Telemetry,
        wait: Wait,
    ) -> None:
        self.writer: Final = writer
        self.problem = NOT_COMPARED
        """Why nothing is written; empty when all is well."""
        self.refused = False
        """Whether the Redis that answered last has another log, or a shorter one."""
        self.admitted: Final = asyncio.Event()
        """Set once the first comparison has ended well."""
        self.owned: Final = asyncio.Event()
        """Set once the vhost is known to be this mall's: before that none of its events may be taken."""
        self._functions = Functions(redis, LOG)
        self._execute = self._functions.execute
        self._keys = keys
        self._marks = marks
        self._mall = mall
        self._telemetry = telemetry
        self._wait = wait
        self._run_id = ""
        self._asked: Final = asyncio.Event()
        telemetry.watch(names.LOG_REFUSED, lambda: self.refused)

    async def run(self) -> None:
        """Compare once a second, and when a connection to a new Redis is made."""
        while True:
            self._asked.clear()
            await self.look()
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._asked.wait()
            except TimeoutError:
                continue  # Nobody asked.

    async def look(self) -> None:
        """Compare and renew once; what is wrong is the ``problem`` until it is right again."""
        try:
            await self._compare()
        except Exception as error:
            if not is_transient(error) or (isinstance(error, NOT_HERE) and self.owned.is_set()):
                raise  # What was taken and is not recorded goes back when the process ends.
            self._refuse(error)
        await self._renew()

    async def admit(self, connection: AbstractConnection) -> None:
        """Make *connection* ready as redis-py does; raise when its Redis was not compared since that started."""
        try:
            untyped: Any = connection
            await connection.on_connect()
            await connection.send_command("INFO", "server")
            info: bytes = await untyped.read_response()
        except BaseException:
            await connection.disconnect(nowait=True)  # Nobody may find it half ready.
            raise
        if run_id_in(info) != self._run_id:
            self._asked.set()
            await connection.disconnect(nowait=True)
            raise RedisConnectionError(self.problem or NOT_COMPARED)

    def written_log(self) -> str:
        """Which log is written, in the words of ``LOG_HEADER``."""
        newest = self._marks.newest
        return "" if newest is None or newest.log_id != self.writer.log_id else newest.name.text

    async def close(self) -> None:
        """Close the connections to RabbitMQ."""
        await self._marks.close()

    async def _compare(self) -> None:
        unread = await self._follow()
        newest, durable = self._own_mark(), self.writer.durable_position
        if newest is not None and unread is None:
            self.owned.set()
        run_id, found = await self._read()
        if unread is not None and run_id != self._run_id:
            raise unread
        if newest is None and not found.log_id:
            found = Extent(await self._create(), found.position)
        now_us = time.time_ns() // 1_000
        surely = 0 if self.writer.replicated else found.position
        mark = newest or Mark(mall=self._mall, log_id=found.log_id, position=surely, since_us=now_us)
        known = max(mark.position, durable) if mark.log_id == self.writer.log_id else mark.position
        check_extent(found, Extent(mark.log_id, known))
        if mark.log_id != self.writer.log_id:
            await (self._marks.renew(mark) if newest else self._claim(mark))  # Before the first acknowledgement.
            self.writer.mean(mark.log_id, known)
        self.writer.found(found.position)
        self._accept(run_id)

    def _own_mark(self) -> Mark | None:
        """Return the newest mark, None when there is none yet; raise one of ``NOT_HERE`` when the mall is not here."""
        mark = self._marks.newest
        if mark is not None and mark.mall != self._mall:
            raise OtherMallError(self._mall, mark.mall)
        if mark is not None and mark.closed:
            raise MovedAwayError(self._mall)
        return mark

    async def _claim(self, mark: Mark) -> None:
        """Be the first mall on this vhost; of two that start at once one is."""
        await self._marks.claim(mark)
        self._own_mark()
        self.owned.set()

    async def _follow(self) -> MarkUnreachableError | None:
        try:
            await self._marks.follow()
        except MarkUnreachableError as error:
            self._waits(error)
            return error
        return None

    async def _read(self) -> tuple[str, Extent]:
        """Return which Redis process answers, and the log that it holds."""
        run_id = run_id_in(await self._execute("INFO", "server"))
        found = await extent_of(self._execute, self._keys)
        if run_id_in(await self._execute("INFO", "server")) != run_id:
            message = "Redis was restarted while it was looked at"
            raise RedisConnectionError(message)
        return run_id, found

    async def _create(self) -> str:
        """Return the id of the log, after giving it one."""
        keys = (self._keys.log, self._keys.log_meta)
        log_id: bytes = await self._functions.call("create", keys, (uuid4().hex,))
        return log_id.decode()

    async def _renew(self) -> None:
        """Keep the newest mark the last one, and at what is known to be durable."""
        mark = self._marks.newest
        if mark is None or mark.mall != self._mall:
            return
        if mark.log_id == self.writer.log_id:
            mark = replace(mark, position=max(mark.position, self.writer.durable_position))
        try:
            await self._marks.renew(mark)
        except MarkUnreachableError as error:
            self._waits(error)

    def _accept(self, run_id: str) -> None:
        if self.refused:
            self._telemetry.log(names.EVENT_LOG_ACCEPTED, position=self.writer.durable_position)
        self.refused, self.problem, self._run_id = False, "", run_id
        self._wait.passed()
        self.admitted.set()

    def _refuse(self, error: Exception) -> None:
        """Note why nothing may be written; a Redis that goes away is no answer: what was found there stays refused."""
        refused = isinstance(error, (OtherLogError, LogShorterError, *NOT_HERE))
        self.problem = str(error) if isinstance(error, PassingError) else f"{type(error).__name__}: {error}"
        if isinstance(error, RedisError):
            self._wait(error)
        if refused:
            self._run_id = ""
            if not self.refused:
                self._telemetry.log(names.EVENT_LOG_REFUSED, problem=self.problem)
            self.refused = True

    def _waits(self, error: MarkUnreachableError) -> None:
        self._telemetry.log(names.EVENT_WAITING, dependency="rabbitmq", detail=str(error))


def run_id_in(info: bytes) -> str:
    """Return which run of Redis it is that answered *info*."""
    line = next(line for line in info.splitlines() if line.startswith(b"run_id:"))
    return line.partition(b":")[2].decode()
