"""The log in a Redis stream, as those have it who only read."""

from collections.abc import AsyncIterator
from typing import Any, Final

from parkstream_service.redis import Functions
from redis.asyncio import Redis

from parkstream_eventlog.errors import GapError, LogShorterError
from parkstream_eventlog.functions import LOG
from parkstream_eventlog.keys import LogKeys
from parkstream_eventlog.log import Latest, LogState, Record

BLOCK_MS = 2_000
"""How long to wait for news in one call; well below the socket timeout."""
TYPES_MAX: Final = 1_000
LATEST: Final = b"latest:"
EARLIER: Final = b"earlier:"


class _Types(dict[bytes, str]):
    """Types as text: there are few, and each is decoded once."""

    def __missing__(self, type_: bytes) -> str:
        text = type_.decode()
        if len(self) < TYPES_MAX:
            self[type_] = text
        return text


_types: Final = _Types()


class RedisReader:
    """A ``LogReader`` in *redis*, whose client must not repeat commands by itself (see ``connect``)."""

    def __init__(self, redis: Redis, keys: LogKeys) -> None:
        self._keys = keys
        self._functions = Functions(redis, LOG)
        self._execute = self._functions.execute

    async def read(self, after: int, count: int) -> list[Record]:
        """See ``LogReader.read``."""
        records = await self._range(after, count)
        if records:
            return records
        position = await self._position()
        if position < after:
            raise LogShorterError(after, position)
        if position > after:
            records = await self._range(after, count)
            if not records:
                raise GapError(after + 1, position + 1)
        return records

    async def follow(self, after: int, count: int) -> AsyncIterator[list[Record]]:
        """See ``LogReader.follow``."""
        records = await self.read(after, count)
        while True:
            if records:
                after = records[-1].position
                yield records
            records = await self._next(after, count) or await self.read(after, count)

    async def wait_for(self, position: int) -> None:
        """See ``LogReader.wait_for``."""
        while await self._position() < position:
            await self._execute("XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", self._keys.log, f"{position - 1}-0")

    async def state(self) -> LogState:
        """See ``LogReader.state``."""
        (seconds, microseconds), flat, length = await self._functions.at_once(
            ("TIME",), ("HGETALL", self._keys.log_meta), ("XLEN", self._keys.log)
        )
        meta: dict[bytes, bytes] = dict(zip(flat[::2], flat[1::2], strict=True))
        return LogState(
            log_id=meta.get(b"log_id", b"").decode(),
            position=int(meta.get(b"position", 0)),
            recorded_at_us=int(meta.get(b"recorded_at_us", 0)),
            now_us=int(seconds) * 1_000_000 + int(microseconds),
            archived_through=int(meta.get(b"archived_through", 0)),
            length=length,
            latest={
                name.removeprefix(LATEST).decode(): Latest(*map(int, value.split()))
                for name, value in meta.items()
                if name.startswith(LATEST)
            },
            earlier_ids={
                name.removeprefix(EARLIER).decode(): int(value)
                for name, value in meta.items()
                if name.startswith(EARLIER)
            },
            ids_from_day=int(meta.get(b"ids_from_day", 0)),
        )

    async def _position(self) -> int:
        return int(await self._execute("HGET", self._keys.log_meta, "position") or 0)

    async def _range(self, after: int, count: int) -> list[Record]:
        entries = await self._execute("XRANGE", self._keys.log, f"{after + 1}-0", "+", "COUNT", count)
        return _records(entries, after)

    async def _next(self, after: int, count: int) -> list[Record]:
        """Wait for what comes after *after*, but not for ever."""
        answer: Any = await self._execute(
            "XREAD", "COUNT", count, "BLOCK", BLOCK_MS, "STREAMS", self._keys.log, f"{after}-0"
        )
        if not answer:
            return []
        entries: Any = answer[self._keys.log.encode()] if hasattr(answer, "keys") else answer[0][1]  # RESP3, RESP2
        return _records(entries, after)


def _records(entries: list[Any], after: int) -> list[Record]:
    """Return the records of stream *entries*; raise ``GapError`` unless they are dense from *after* + 1."""
    types = _types
    records = [
        Record(
            int(entry_id[:-2]),
            types[type_],
            id_.decode(),
            body,
            int(recorded),
            int(published) if published else None,
            traceparent.decode() if traceparent else None,
        )
        for entry_id, (_, type_, _, id_, _, body, _, recorded, _, published, _, traceparent) in entries
    ]
    # Stream ids only grow, so the ends are enough.
    if records and records[-1].position != after + len(records):
        expected, found = next(
            (after + nth, record.position) for nth, record in enumerate(records, 1) if record.position != after + nth
        )
        raise GapError(expected, found)
    return records
