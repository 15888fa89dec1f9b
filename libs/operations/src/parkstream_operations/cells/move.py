"""Moves a mall to another Redis while its cameras go on: nothing is lost, and recording waits for seconds.

In order: the log is copied while it grows; the old log gets another id, so that every function refuses who means it;
the rest is copied and compared; the new place gets the log's own id, last; the addresses are changed, and the services
are started again. The mark in RabbitMQ stays as it is: it names the log that the new place has. What was done is read
from both places, so that a move that was interrupted anywhere is run again. Until something is recorded at the new
place there is a way back.
"""

import time
from typing import Final, NamedTuple

from msgspec import Struct
from parkstream_eventlog import check_durability
from parkstream_eventlog.errors import MOVED
from parkstream_eventlog.extent import Extent, extent_of
from parkstream_eventlog.functions import LOG, MOVE
from parkstream_events.keys import BackendKeys
from parkstream_events.marks import Mark
from parkstream_events.topology import WORK_QUEUES
from parkstream_service.redis import Client, Functions

from parkstream_operations.cells.key_copy import Progress, Side, copy_key, copy_log, finish_log, same_on_both

LOG_ID_LENGTH_MAX: Final = 64
EARLIER: Final = "earlier:"


class MoveError(Exception):
    """A move cannot go on; the text says why, and what to do."""


class Moved(Struct, frozen=True, kw_only=True):
    """What a move came to."""

    mall: str
    log_id: str
    position: int
    """Where the log ended when it was closed at the old place."""
    records: int
    keys: int
    closed_seconds: float
    """From the closing of the old log until the new one was there."""


class Places(NamedTuple):
    """Both Redis, the log of *mall*, and what its mark says."""

    mall: str
    source: Client
    target: Client
    mark: Mark

    @property
    def keys(self) -> BackendKeys:
        """The names of the keys, which are the same in both."""
        return BackendKeys(self.mall)

    @property
    def closed_id(self) -> str:
        """What the log is called where it was moved away from."""
        return (MOVED + self.mark.log_id)[:LOG_ID_LENGTH_MAX]

    async def extents(self) -> tuple[Extent, Extent]:
        """Return which logs both have."""
        return await _extent(self.source, self.keys), await _extent(self.target, self.keys)


async def prepare(places: Places, reached: Progress) -> None:
    """Copy the log as far as it is, while backends go on with it; raise ``MoveError`` where a move cannot be."""
    there, here = await places.extents()
    if there.log_id not in {places.mark.log_id, places.closed_id}:
        holds = f"holds the log {there.log_id}" if there.log_id else "holds no log"
        message = f"the old Redis {holds}, the mark names {places.mark.log_id}: see the runbook, Redis was lost"
        raise MoveError(message)
    if here.log_id not in {"", places.mark.log_id, places.closed_id}:
        message = f"the new Redis holds another log of {places.mall}, {here.log_id}: take one that has none"
        raise MoveError(message)
    if here.log_id == places.mark.log_id:
        if there.log_id != places.closed_id:
            message = "both Redis hold the log, open: which of them is the right one? Set PARKSTREAM_REDIS_URL right"
            raise MoveError(message)
        return
    if here.log_id == places.closed_id:  # It was here before: what is left of that is older.
        await _clear(Side(places.target), places.keys)
    for library in (LOG, MOVE):
        await Functions(places.target, library).check()
    await check_durability(places.target)
    await copy_log(Side(places.source), Side(places.target), places.keys.log_meta, places.keys.log, reached)


async def switch(places: Places, reached: Progress) -> Moved:
    """Close the old log, copy the rest, compare, and open the new one; raise ``NotEqualError`` before that."""
    began, keys = time.monotonic(), places.keys
    source, target = Side(places.source), Side(places.target)
    there, here = await places.extents()
    if there.log_id != places.closed_id:
        await _rename(places.source, keys, there.log_id, places.closed_id)
        there = await _extent(places.source, keys)
    copied = {key: kind for key, kind in (await source.keys(keys.prefix)).items() if _is_kept(key, keys)}
    if here.log_id != places.mark.log_id:
        await finish_log(source, target, keys.log_meta, keys.log, reached)
        for key, kind in copied.items():
            await copy_key(source, target, keys.log_meta, key, kind)
        await same_on_both(source, target, copied)
        await _open(source, target, places)
    return Moved(
        mall=places.mall,
        log_id=places.mark.log_id,
        position=there.position,
        records=int(await source.execute("XLEN", keys.log)),
        keys=len(copied) + 2,
        closed_seconds=time.monotonic() - began,
    )


async def go_back(places: Places) -> None:
    """Open the old log again, and close the new one; raise ``MoveError`` when something was recorded there."""
    there, here = await places.extents()
    if there.log_id != places.closed_id:
        message = "the old log is not closed: there is nothing to go back to"
        raise MoveError(message)
    if here.log_id == places.mark.log_id:
        await _rename(places.target, places.keys, here.log_id, places.closed_id)
        here = await _extent(places.target, places.keys)
        if here.position > there.position:
            await _rename(places.target, places.keys, places.closed_id, places.mark.log_id)
            recorded = here.position - there.position
            message = f"{recorded:,} records were made at the new place: the only way back is another move, from there"
            raise MoveError(message)
    await _rename(places.source, places.keys, places.closed_id, places.mark.log_id)


async def is_recorded_to(places: Places) -> bool:
    """Whether a backend records at the new place: it reports there what it has taken from its queue."""
    reports = [places.keys.consumer_reports(queue) for queue in WORK_QUEUES]
    return bool(await Side(places.target).execute("EXISTS", *reports))


async def _open(source: Side, target: Side, places: Places) -> None:
    """Write the log's meta, in one step: from then on the log is there."""
    meta = places.keys.log_meta
    flat = await source.execute("HGETALL", meta)
    fields = dict(zip(flat[::2], flat[1::2], strict=True)) | {b"log_id": places.mark.log_id.encode()}
    fields.pop(f"{EARLIER}{places.mark.log_id}".encode(), None)
    fields.pop(f"{EARLIER}{places.closed_id}".encode(), None)
    await target.execute("HSET", meta, *(part for pair in fields.items() for part in pair))


async def _rename(redis: Client, keys: BackendKeys, is_called: str, will_be: str) -> None:
    await Functions(redis, LOG).call("adopt", (keys.log, keys.log_meta), (is_called, will_be))


async def _extent(redis: Client, keys: BackendKeys) -> Extent:
    return await extent_of(Functions(redis, LOG).execute, keys)


async def _clear(target: Side, keys: BackendKeys) -> None:
    """Remove what an earlier stay has left; its meta last, which says that it is closed."""
    found = await target.keys(keys.prefix)
    for key in sorted(found, key=lambda key: key == keys.log_meta):
        await target.execute("UNLINK", key)


def _is_kept(key: str, keys: BackendKeys) -> bool:
    """Whether *key* is copied when nothing grows: the log and its meta are apart, the rest is of who runs there."""
    apart = {keys.log, keys.log_meta, keys.log_leases, *map(keys.consumer_reports, WORK_QUEUES)}
    return key not in apart
