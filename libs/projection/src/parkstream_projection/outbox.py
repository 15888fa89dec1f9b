"""What is on its way to a server: a stream that a group of consumers empties, and what the server refused."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Raw, Struct
from parkstream_eventlog import Writer
from parkstream_eventlog.guarded_functions import GuardedFunctions
from parkstream_service.redis import Replicas, code_of
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from parkstream_projection.definition import ProjectionKeys
from parkstream_projection.functions import PROJECTING

GROUP: Final = "deliver"
REDRIVEN_AT_ONCE: Final = 100


class Entry(NamedTuple):
    """An item that waits: *revision* of what goes by *key*, as JSON without its trace context."""

    id: str
    key: str
    revision: int
    item: bytes
    recorded_at_us: int
    """Of the record that caused it."""
    projected_at_us: int
    """When it was put here."""
    traceparent: str | None = None
    """The trace that it goes on with."""


class Parked(Struct, frozen=True, kw_only=True):
    """An item that the server refused, and why."""

    id: str
    key: str
    revision: int
    problem: str
    parked_at_us: int
    item: Raw
    traceparent: str | None = None


class Account(Struct, frozen=True, kw_only=True):
    """How many pairs of key and revision were emitted, and where they are, as of one moment."""

    emitted: int
    waiting: int
    parked: int
    delivered: int
    emitted_again: int

    @property
    def kept(self) -> int:
        """How many the server must have at least."""
        return self.emitted - self.waiting - self.parked

    @property
    def gone(self) -> int:
        """How many are in none of these places: they were deleted; negative when the counters were."""
        return self.emitted + self.emitted_again - self.waiting - self.parked - self.delivered


class Outbox:
    """The outbox in *redis*, whose client must not repeat commands by itself; see ``RedisLog`` for *writer*.

    With *replicas* nothing is taken before those have it, and all that it was made of.
    """

    def __init__(
        self, redis: Redis, keys: ProjectionKeys, *, writer: Writer | None = None, replicas: Replicas | None = None
    ) -> None:
        self._functions = GuardedFunctions(redis, PROJECTING, keys, writer)
        self._take = self._functions.execute if replicas is None else replicas.execute
        self._stream = keys.outbox
        self._meta = keys.outbox_meta
        self._parked = keys.outbox_parked
        self._claimed_through = "0-0"

    async def take(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        """Return up to *count* items that nobody has taken; when there is none, wait *block_ms* (> 0) for one."""
        command = ("XREADGROUP", "GROUP", GROUP, consumer, "COUNT", count, "BLOCK", block_ms)
        answer = await self._in_group(self._take, *command, "STREAMS", self._stream, ">")
        if not answer:
            return []
        return _entries(answer[self._stream.encode()] if hasattr(answer, "keys") else answer[0][1])  # RESP3, RESP2

    async def claim(self, consumer: str, min_idle_ms: int, count: int) -> list[Entry]:
        """Take up to *count* items over that another consumer took *min_idle_ms* ago and has not settled."""
        while True:
            command = ("XAUTOCLAIM", self._stream, GROUP, consumer, min_idle_ms, self._claimed_through, "COUNT", count)
            answer = await self._in_group(self._take, *command)
            self._claimed_through = answer[0].decode()
            if answer[1] or self._claimed_through == "0-0":
                return _entries(answer[1])

    async def renew(self, consumer: str, ids: Sequence[str]) -> None:
        """Keep *ids*, which *consumer* took, from being claimed by others; what is gone stays gone."""
        await self._in_group(self._functions.execute, "XCLAIM", self._stream, GROUP, consumer, 0, *ids, "JUSTID")

    async def settle(self, ids: Sequence[str]) -> int:
        """Remove what was delivered; return how many of *ids* were there still."""
        if not ids:
            return 0
        return int(await self._functions.write("settle", (self._stream, self._meta), (GROUP, *ids)))

    async def park(self, entry: Entry, problem: str) -> bool:
        """Set *entry* aside because of *problem*; return False when it was settled or parked before."""
        parked = Parked(
            id=entry.id,
            key=entry.key,
            revision=entry.revision,
            problem=problem,
            parked_at_us=time.time_ns() // 1_000,
            item=Raw(entry.item),
            traceparent=entry.traceparent,
        )
        keys = (self._stream, self._parked)
        return bool(await self._functions.write("park", keys, (GROUP, entry.id, msgspec.json.encode(parked))))

    async def forget_consumers(self, idle_ms: int) -> int:
        """Remove the consumers that hold nothing and have not been seen for *idle_ms*; return how many."""
        return int(await self._functions.write("forget_consumers", (self._stream,), (GROUP, idle_ms)))

    async def depth(self) -> int:
        """Return how many items are not delivered, parked ones aside."""
        return int(await self._functions.execute("XLEN", self._stream))

    async def account(self) -> Account:
        """Return how many items were emitted, and where they are."""
        counters = ("HMGET", self._meta, "emitted", "emitted_again", "delivered")
        counts, waiting, parked = await self._functions.at_once(
            counters, ("XLEN", self._stream), ("HLEN", self._parked)
        )
        emitted, again, delivered = (int(count or 0) for count in counts)
        return Account(emitted=emitted, waiting=waiting, parked=parked, delivered=delivered, emitted_again=again)

    async def age_seconds(self) -> float:
        """Return for how long the oldest item has waited since its cause was recorded; 0 when none waits."""
        oldest = ("XRANGE", self._stream, "-", "+", "COUNT", 1)
        first, (seconds, microseconds) = await self._functions.at_once(oldest, ("TIME",))
        if not first:
            return 0.0
        (entry,) = _entries(first)
        return max(0.0, int(seconds) + (int(microseconds) - entry.recorded_at_us) / 1_000_000)

    async def parked(self) -> int:
        """Return how many items were refused."""
        return int(await self._functions.execute("HLEN", self._parked))

    async def parked_items(self, cursor: str = "0", count: int = 100) -> tuple[str, list[Parked]]:
        """Return some of what was refused, and the cursor to go on with; it is "0" at the end."""
        cursor_after, flat = await self._functions.execute("HSCAN", self._parked, cursor, "COUNT", count)
        return cursor_after.decode(), [msgspec.json.decode(value, type=Parked) for value in flat[1::2]]

    async def every_parked(self) -> AsyncIterator[Parked]:
        """Yield what was refused, each once."""
        cursor, seen = "", set[str]()
        while cursor != "0":
            cursor, items = await self.parked_items(cursor or "0", REDRIVEN_AT_ONCE)
            for parked in items:
                if parked.id not in seen:
                    yield parked
            seen.update(parked.id for parked in items)

    async def redrive(self, ids: Sequence[str] | None = None) -> int:
        """Put what was parked back to be delivered, all of it or *ids*; return how many."""
        if ids is not None:
            values: list[bytes | None] = await self._functions.execute("HMGET", self._parked, *ids) if ids else []
            return await self._redrive([msgspec.json.decode(value, type=Parked) for value in values if value])
        return await self._redrive([one async for one in self.every_parked()])

    async def emit_again(self, entries: Sequence[Entry]) -> int:
        """Put *entries* back that were emitted and are nowhere any more, without their ids; return how many."""
        arguments: list[Any] = []
        for one in entries:
            arguments += ("", one.key, one.revision, one.item, one.recorded_at_us, one.traceparent or "")
        return int(await self._functions.write("emit_again", (self._stream, self._parked, self._meta), arguments))

    async def reconcile(self) -> None:
        """Count what is gone as delivered: what of it is in no file was emitted again."""
        await self._functions.write("reconcile", (self._stream, self._parked, self._meta), ())

    async def _redrive(self, parked: Sequence[Parked]) -> int:
        arguments: list[Any] = []
        for one in parked:
            arguments += (one.id, one.key, one.revision, bytes(one.item), one.parked_at_us, one.traceparent or "")
        return int(await self._functions.write("redrive", (self._stream, self._parked, self._meta), arguments))

    async def _in_group(self, execute: Callable[..., Awaitable[Any]], *command: str | int) -> Any:  # noqa: ANN401
        """Have *execute* do *command*, after making the group when this Redis has not got it (new, or flushed)."""
        try:
            return await execute(*command)
        except ResponseError as error:
            if code_of(error) != "NOGROUP":
                raise
        await self._functions.write("group", (self._stream,), (GROUP,))
        return await execute(*command)


def _entries(entries: list[Any]) -> list[Entry]:
    return [
        Entry(
            id_.decode(),
            key.decode(),
            int(revision),
            item,
            int(recorded),
            int(projected),
            traceparent.decode() if traceparent else None,
        )
        for id_, (_, key, _, revision, _, item, _, recorded, _, traceparent, _, projected) in entries
    ]
