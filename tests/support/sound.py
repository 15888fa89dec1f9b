"""A mall that is sound: a log, its projection, and a summary file; to be copied, and then damaged."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from parkstream_eventlog.id_index import event_field
from parkstream_events import wire
from parkstream_events.sightings import microseconds
from parkstream_events.summaries import Summary, SummaryItem
from parkstream_events.units import DAY_US
from parkstream_projection import Entry
from projections import HOUR, Mall, day_of_traffic, now_us, project

CARS = 6_200
"""Enough for a state hash to be kept."""
WAITING, PARKED = 7, 3


class Sound(Mall):
    """A mall with a summary file in *folder*."""

    def __init__(self, url: str, mall: str, folder: Path) -> None:
        super().__init__(url, mall)
        self.file = folder / f"{mall}.jsonl"

    async def fill(self) -> None:
        """Let cars come and go, and deliver the summaries: but some wait, and some are parked."""
        traffic = day_of_traffic(CARS, now_us() - 2 * HOUR)
        await self.log.append(traffic[:20])
        await self.log.decide("news.v1", "unreadable", b"\xff", unless_after=None)
        await self.log.append(traffic[20:])
        await project(self.projector(), 2_000)
        emitted = await self.emitted()
        await self.outbox.settle([id_ for id_, _ in emitted[: -WAITING - PARKED]])
        for id_, item in emitted[-PARKED:]:
            await self.outbox.park(Entry(id_, item.visit_id, item.revision, wire.encode(item), 0, 0), "refused")
        lines = [wire.encode(line_of(item)) + b"\n" for _, item in emitted[: -WAITING - PARKED]]
        await asyncio.to_thread(self.file.write_bytes, b"".join(lines))

    async def copy(self, mall: str, folder: Path) -> "Sound":
        """Return another mall that is the same."""
        other = Sound(self.url, mall, folder)
        for key in await self.redis.keys(f"{self.keys.prefix}*"):
            await self.redis.copy(key, other.keys.prefix + key.decode().removeprefix(self.keys.prefix))
        shutil.copy(self.file, other.file)
        return other

    async def rewrite(self, position: int, **fields: Any) -> None:
        """Give the record at *position* other *fields*: the stream is made anew."""
        entries = await self.redis.xrange(self.keys.log)
        await self.redis.delete(self.keys.log)
        async with self.redis.pipeline() as pipeline:
            for id_, kept in entries:
                more = fields if id_ == f"{position}-0".encode() else {}
                pipeline.xadd(self.keys.log, {**kept, **{name.encode(): value for name, value in more.items()}}, id_)
            await pipeline.execute()

    async def insert(self, id_: str) -> None:
        """Put an entry with *id_* between the records."""
        entries = await self.redis.xrange(self.keys.log)
        await self.redis.delete(self.keys.log)
        order = sorted([*entries, (id_.encode(), entries[0][1])], key=lambda entry: [*map(int, entry[0].split(b"-"))])
        async with self.redis.pipeline() as pipeline:
            for place, fields in order:
                pipeline.xadd(self.keys.log, fields, place)
            await pipeline.execute()

    async def id_of(self, position: int) -> tuple[str, bytes]:
        """Return the bucket and the field of the id index for the sighting at *position*."""
        (record,) = await self.log.read(position - 1, 1)
        event = wire.decode(record.type, record.body)
        letter = "E" if record.type == wire.ENTERED else "X"
        day, of_day_us = divmod(microseconds(event.event_time), DAY_US)
        return self.keys.log_ids(day), event_field(letter, of_day_us, record.id)

    def change_line(self, number: int, **fields: Any) -> None:
        """Give the summary in line *number* other *fields*."""
        lines = self.file.read_bytes().splitlines(keepends=True)
        lines[number - 1] = json.dumps({**json.loads(lines[number - 1]), **fields}).encode() + b"\n"
        self.file.write_bytes(b"".join(lines))

    def position_of_line(self, number: int) -> int:
        """Return the position of the summary in line *number*."""
        position: int = json.loads(self.file.read_bytes().splitlines()[number - 1])["position"]
        return position


def line_of(item: SummaryItem) -> Summary:
    """Return the summary of *item* as it stands in the file."""
    return Summary(**{name: getattr(item, name) for name in Summary.__struct_fields__})
