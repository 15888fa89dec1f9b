"""What the two processes of a replay say to each other: msgpack in frames, each after its length."""

import asyncio
import fcntl
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Struct
from parkstream_eventlog import Record
from parkstream_visits import PlateSighting

from parkstream_projection.rebuild.source import Source

LENGTH_BYTES: Final = 4
BUFFERED_BYTES: Final = 1 << 20
BATCH: Final = 1_000
"""Records in one message between the two processes."""


class Start(Struct, array_like=True, tag=True):
    """Which log is to be read; *rules* says which of the clock's rules are in force where reading begins."""

    source: Source
    rules: int


class Read(Struct, array_like=True, tag=True):
    """Answer with the *count* records after position *after*."""

    after: int
    count: int


class Changed(Struct, array_like=True, tag=True):
    """What has changed up to *position*: plates as they are encoded now, None when forgotten, and the clock.

    Answer with the state hash if it is *wanted*.
    """

    position: int
    plates: dict[str, bytes | None]
    clock: bytes
    wanted: bool


class Batch(Struct, array_like=True):
    """Records from one position to the next: column by column the sightings, and among them all other records."""

    first: int
    last: int
    names: list[str]
    sightings: list[PlateSighting]
    others: list[tuple[int, Record]]
    """How many sightings come before it, and the record."""

    def runs(self) -> Iterator[tuple[int, int, Record | None]]:
        """Yield which sightings follow each other, and the other record that comes after them."""
        start = 0
        for before, record in self.others:
            yield start, before, record
            start = before
        yield start, len(self.sightings), None

    def in_order(self) -> Iterator[PlateSighting | Record]:
        """Yield all of it in the order of the log."""
        for start, end, other in self.runs():
            yield from self.sightings[start:end]
            if other is not None:
                yield other


class Carried(Struct, array_like=True, tag=True):
    """What was read, in parts that stay in the processor's cache: each is decoded just before it is folded."""

    batches: list[bytes]


class Hashed(Struct, array_like=True, tag=True):
    """The hash of the state at *position*."""

    position: int
    state_hash: str


class Failed(Struct, array_like=True, tag=True):
    """The log could not be read."""

    problem: str


encode: Final = msgspec.msgpack.Encoder().encode
decode_order: Final[Callable[[bytes], Start | Read | Changed]] = msgspec.msgpack.Decoder(Start | Read | Changed).decode
decode_answer: Final[Callable[[bytes], Carried | Hashed | Failed]] = msgspec.msgpack.Decoder(
    Carried | Hashed | Failed
).decode


decode_batch: Final = msgspec.msgpack.Decoder(Batch).decode


def widen(pipe: int) -> None:
    """Let *pipe* hold a whole frame, so that whoever writes it need not wait for the reader in between."""
    widening: int | None = getattr(fcntl, "F_SETPIPE_SZ", None)  # Linux has it.
    if widening is not None:
        with suppress(OSError):  # A user may have many pipes; then this one stays as narrow as it is.
            fcntl.fcntl(pipe, widening, BUFFERED_BYTES)


def send(message: Struct, to: asyncio.StreamWriter) -> None:
    """Write *message* as one frame, without waiting."""
    body = encode(message)
    to.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)


async def receive(source: asyncio.StreamReader) -> bytes | None:
    """Return the next frame's content, None at the end."""
    try:
        length = int.from_bytes(await source.readexactly(LENGTH_BYTES), "big")
        return await source.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
