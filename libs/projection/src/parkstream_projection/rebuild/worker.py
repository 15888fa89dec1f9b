"""The other process of a replay: reads the log ahead, decodes it, and hashes what has changed.

It does what is asked for on stdin, answers on stdout, and ends with its stdin.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Final

from parkstream_eventlog import EventLogError, LogReader, LogShorterError, Record
from parkstream_events import wire
from parkstream_events.decisions import Decision, RulesChanged
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited
from parkstream_service.uncaught import print_without_quotes
from parkstream_visits.plate_visits import plate_sighting_of
from redis.exceptions import RedisError

from parkstream_projection.rebuild.frames import (
    BUFFERED_BYTES,
    Batch,
    Carried,
    Changed,
    Failed,
    Hashed,
    Read,
    Start,
    decode_order,
    encode,
    receive,
    send,
    widen,
)
from parkstream_projection.rebuild.gc_pause import rarely_collected
from parkstream_projection.rebuild.source import opened
from parkstream_projection.state_hash import MODULUS, clock_hash, entity_hash, hash_text

PART: Final = 250
"""Records that are folded at once: what they touch is in the processor's cache when it is encoded."""


class Hashing:
    """The state hash, from what has changed."""

    def __init__(self) -> None:
        self._hashes: dict[str, int] = {}
        self._clock = 0
        self._total = 0

    def changed(self, plates: dict[str, bytes | None], clock: bytes) -> str:
        """Take in what has changed, and return the state hash."""
        hashes, by = self._hashes, 0
        for name, encoded in plates.items():
            by -= hashes.pop(name, 0)
            if encoded is not None:
                hashes[name] = one = entity_hash(name, encoded)
                by += one
        before, self._clock = self._clock, clock_hash(clock)
        self._total = (self._total + by - before + self._clock) % MODULUS
        return hash_text(self._total)


class Decoding:
    """Makes batches of records; *rules* counts those that were put in force before them."""

    def __init__(self, rules: int) -> None:
        self._rules = rules

    def batch_of(self, records: Sequence[Record]) -> Batch:
        """Return *records*, the next ones, as they are folded."""
        batch = Batch(records[0].position, records[-1].position, [], [], [])
        name, see = batch.names.append, batch.sightings.append
        for record in records:
            event = _read(record.type, record.body)
            if not isinstance(event, VehicleEntered | VehicleExited):
                self._rules += isinstance(event, RulesChanged)
                batch.others.append((len(batch.sightings), record))
                continue
            name(event.vehicle_plate)
            see(plate_sighting_of(event, record, self._rules))
        return batch


def _read(type_: str, body: bytes) -> Sighting | Decision | None:
    """Return the event in *body*, None when it cannot be read: then the fold finds out why."""
    try:
        return wire.decode(type_, body)
    except wire.UnreadableError:
        return None


class Reading:
    """Reads what is asked for, and while that is decoded what was asked for next."""

    def __init__(self, log: LogReader, decoding: Decoding, answers: asyncio.StreamWriter) -> None:
        self._log = log
        self._decoding = decoding
        self._answers = answers
        self._asked: asyncio.Queue[Read] = asyncio.Queue()

    def ask(self, read: Read) -> None:
        """Ask for *read*, after all that was asked for before."""
        self._asked.put_nowait(read)

    async def run(self) -> None:
        """Answer for ever, or until the log cannot be read."""
        try:
            await self._run()
        except (EventLogError, RedisError, OSError) as error:
            send(Failed(str(error) or type(error).__name__), self._answers)

    async def _run(self) -> None:
        ahead = asyncio.create_task(self._read())
        while True:
            records = await ahead
            ahead = asyncio.create_task(self._read())
            await asyncio.sleep(0)  # The next request is on its way before this one is decoded.
            parts = (records[start : start + PART] for start in range(0, len(records), PART))
            send(Carried([encode(self._decoding.batch_of(part)) for part in parts]), self._answers)

    async def _read(self) -> list[Record]:
        asked = await self._asked.get()
        after, through = asked.after, asked.after + asked.count
        records: list[Record] = []
        while after < through:
            more = await self._log.read(after, through - after)
            if not more:
                raise LogShorterError(through, after)
            records += more
            after = more[-1].position
        return records


async def work(orders: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
    """Do what *orders* say until they end."""
    first = await receive(orders)
    start = decode_order(first) if first else None
    if not isinstance(start, Start):
        return
    async with opened(start.source) as log:
        reading, hashing = Reading(log, Decoding(start.rules), answers), Hashing()
        running = asyncio.create_task(reading.run())
        while (frame := await receive(orders)) is not None:
            match decode_order(frame):
                case Read() as read:
                    reading.ask(read)
                case Changed(position, plates, clock, wanted):
                    state_hash = hashing.changed(plates, clock)
                    if wanted:
                        send(Hashed(position, state_hash), answers)
                case Start():
                    break
        running.cancel()


async def _main() -> None:
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader(limit=BUFFERED_BYTES)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    widen(1)
    pipe, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(1, "wb", closefd=False))
    await work(orders, asyncio.StreamWriter(pipe, protocol, None, loop))


if __name__ == "__main__":
    print_without_quotes()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the other process says when to end.
    with rarely_collected():
        asyncio.run(_main())
