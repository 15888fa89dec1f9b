"""Copies the keys of one mall from a Redis to another: the log ahead, while it grows, the rest when nothing does.

It needs no more rights than the mall's own user of the command line has on both sides.
"""

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, Final

from parkstream_eventlog.functions import MOVE
from parkstream_service.redis import Client, Functions

BATCH: Final = 500
DIGEST_BYTES: Final = 16
ADDING: Final = {"hash": "HSET", "set": "SADD", "zset": "ZADD"}
_SPECIAL: Final = "\\*?[]^"
Progress = Callable[[int, int], None]


class NotEqualError(Exception):
    """A key is not the same on both sides after it was copied."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key} differs after it was copied: something writes to one of both; nothing was switched")


class Side:
    """One Redis, and what a copy asks of it."""

    def __init__(self, redis: Client) -> None:
        self.functions: Final = Functions(redis, MOVE)
        self.execute: Final = self.functions.execute
        self.pipeline: Final = self.functions.pipeline

    async def keys(self, prefix: str) -> dict[str, str]:
        """Return the keys that begin with *prefix*, each with its type."""
        pattern = "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in prefix) + "*"
        found: dict[str, str] = {}
        for kind in (
            "stream",
            *ADDING,
        ):  # There is nothing else; each is asked for, since TYPE would be one right more.
            cursor = b""
            while cursor != b"0":
                words = ("MATCH", pattern, "COUNT", BATCH, "TYPE", kind)
                cursor, some = await self.execute("SCAN", cursor or b"0", *words)
                found |= {key.decode(): kind for key in some}
        return found

    async def parts(self, key: str, kind: str) -> AsyncIterator[list[Sequence[Any]]]:
        """Yield what *key* holds, some at a time, as what adds it takes it; entries of a hash may come twice."""
        if kind == "stream":
            first = "-"
            while entries := await self.execute("XRANGE", key, first, "+", "COUNT", BATCH):
                yield [(entry[0], *entry[1]) for entry in entries]
                first = f"({entries[-1][0].decode()}"
            return
        command = {"hash": "HSCAN", "set": "SSCAN", "zset": "ZSCAN"}[kind]
        cursor = b""
        while cursor != b"0":
            cursor, flat = await self.execute(command, key, cursor or b"0", "COUNT", BATCH)
            if kind == "set":
                yield [(member,) for member in flat]
            elif kind == "hash":
                yield list(zip(flat[::2], flat[1::2], strict=True))
            else:
                yield list(zip(flat[1::2], flat[::2], strict=True))  # The score comes first where it is added.

    async def digest(self, key: str, kind: str) -> bytes:
        """Return a digest of all that *key* holds, in whatever order it comes."""
        seen: set[bytes] = set()
        async for part in self.parts(key, kind):
            seen.update(hashlib.blake2b(repr(one).encode(), digest_size=DIGEST_BYTES).digest() for one in part)
        whole = hashlib.blake2b(digest_size=DIGEST_BYTES)
        for one in sorted(seen):
            whole.update(one)
        return whole.digest()


async def copy_key(source: Side, target: Side, meta: str, key: str, kind: str) -> None:
    """Let *target* have *key* as *source* does, where nothing writes; raise ``NotEqualError`` when it does not."""
    await target.execute("UNLINK", key)
    async for part in source.parts(key, kind):
        if kind == "stream":
            await _take_in(target, meta, key, part)
        else:
            await _add(target, ADDING[kind], key, part)
    if kind == "stream":
        await _copy_ends(source, target, key)
    if await source.digest(key, kind) != await target.digest(key, kind):
        raise NotEqualError(key)


async def copy_log(source: Side, target: Side, meta: str, log: str, reached: Progress) -> None:
    """Let *target* have all records of *log* that *source* has now; goes on where an earlier copy ended."""
    last = await _common_end(source, target, log)
    total = int(await source.execute("XLEN", log))
    while entries := await source.execute("XRANGE", log, f"({last}", "+", "COUNT", BATCH):
        await _take_in(target, meta, log, [(entry[0], *entry[1]) for entry in entries])
        last = entries[-1][0].decode()
        reached(int(await target.execute("XLEN", log)), total)


async def finish_log(source: Side, target: Side, meta: str, log: str, reached: Progress) -> None:
    """Copy the last of a log that grows no more, and compare both; raise ``NotEqualError``."""
    await copy_log(source, target, meta, log, reached)
    if first := await source.execute("XRANGE", log, "-", "+", "COUNT", 1):
        await target.execute("XTRIM", log, "MINID", "=", first[0][0])  # What was archived meanwhile.
    await _copy_ends(source, target, log)
    for command in (("XLEN", log), ("XRANGE", log, "-", "+", "COUNT", 1), ("XREVRANGE", log, "+", "-", "COUNT", 1)):
        if await source.execute(*command) != await target.execute(*command):
            raise NotEqualError(log)


async def _common_end(source: Side, target: Side, log: str) -> str:
    """Return the id up to which *target* has the records of *source*; what else it has there is removed."""
    newest = await target.execute("XREVRANGE", log, "+", "-", "COUNT", 1)
    if not newest:
        return "0-0"
    last = newest[0][0].decode()
    if await source.execute("XRANGE", log, last, last) == newest:
        return str(last)
    await target.execute("UNLINK", log)
    return "0-0"


async def _copy_ends(source: Side, target: Side, key: str) -> None:
    """Give the stream its groups, which begin anew with what it holds, and the last id that it ever had."""
    for group in await source.execute("XINFO", "GROUPS", key):
        name = dict(zip(group[::2], group[1::2], strict=True))[b"name"]
        await target.execute("XGROUP", "CREATE", key, name, "0", "MKSTREAM")
    info = await source.execute("XINFO", "STREAM", key)
    last = dict(zip(info[::2], info[1::2], strict=True))[b"last-generated-id"]
    if await target.execute("EXISTS", key):
        await target.execute("XSETID", key, last)


async def _take_in(target: Side, meta: str, stream: str, part: Sequence[Sequence[Any]]) -> None:
    words = [word for id_, *values in part for word in (id_, len(values), *values)]
    await target.functions.call("take_in", (stream, meta), words)


async def _add(target: Side, command: str, key: str, part: Sequence[Sequence[Any]]) -> None:
    async with target.pipeline(transaction=False) as pipeline:
        for one in part:
            pipeline.execute_command(command, key, *one)
        await pipeline.execute()


async def same_on_both(source: Side, target: Side, keys: dict[str, str]) -> None:
    """Raise ``NotEqualError`` unless *target* holds each of *keys* as *source* does."""
    for key, kind in keys.items():
        if await source.digest(key, kind) != await target.digest(key, kind):
            raise NotEqualError(key)
