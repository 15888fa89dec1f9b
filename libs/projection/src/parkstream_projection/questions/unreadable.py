"""Records that nothing could be made of: which, and who accepts that."""

from datetime import datetime

from msgspec import Struct
from parkstream_eventlog import Appended, GapError, Overtaken, decided_at
from parkstream_events import wire
from parkstream_events.decisions import RecordAcknowledged
from parkstream_events.sightings import moment_of
from parkstream_visits import Unreadable

from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import NotFoundError, Opened


class Listed(Struct, frozen=True):
    """A record that cannot be read, as the projection lists it."""

    position: int
    type: str
    reason: str
    detail: str
    recorded_at: datetime | None
    """None when it is in an archive that is not here."""


class Outstanding(Struct, frozen=True):
    """How many are outstanding, and those that the projection lists: the first of them."""

    outstanding: int
    checkpoint: int
    unreadable: list[Listed]


class Acknowledged(Struct, frozen=True):
    """The record at *position* is accepted as unreadable by the one at *decided_at*; *new*: by this command."""

    position: int
    decided_at: int
    new: bool


async def outstanding(it: Opened) -> Outstanding:
    """Return what nobody has acknowledged."""
    present = await it.reads.state()
    listed = [Listed(*record, await _recorded_at(it, record.position)) for record in present.clock.unreadable]
    return Outstanding(present.unreadable, present.checkpoint, listed)


async def acknowledge(it: Opened, position: int, reason: str) -> Acknowledged:
    """Append the decision that the record at *position* is accepted; raise ``NotFoundError`` when it can be read."""
    decision = RecordAcknowledged(position, reason)
    if before := await decided_at(it.redis, it.keys, decision.id):
        return Acknowledged(position, before, new=False)
    await _check(it, position)
    outcome = await it.log.decide(wire.RECORD_ACKNOWLEDGED, decision.id, wire.encode(decision), unless_after=None)
    assert not isinstance(outcome, Overtaken)
    return Acknowledged(position, outcome.position, new=isinstance(outcome, Appended))


async def _check(it: Opened, position: int) -> None:
    present = await it.reads.state()
    if any(listed.position == position for listed in present.clock.unreadable):
        return
    if position > present.checkpoint:
        message = f"the projection has got to {present.checkpoint} only: nothing is known of record {position} yet"
        raise NotFoundError(message)
    unlisted = present.unreadable > len(present.clock.unreadable)
    if not unlisted or not isinstance(recorded_event_of((await it.log.read(position - 1, 1))[0]).event, Unreadable):
        message = f"record {position} is not listed as unreadable: see `parkstream log unreadable`"
        raise NotFoundError(message)


async def _recorded_at(it: Opened, position: int) -> datetime | None:
    try:
        (record,) = await it.log.read(position - 1, 1)
    except GapError:
        return None
    return moment_of(record.recorded_at_us)
