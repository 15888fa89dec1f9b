"""What people did, as records in the log, each written before it is done; found by their ids, dense within a day."""

import re
from collections.abc import AsyncIterator, Collection
from datetime import date, datetime, timedelta
from typing import Final

from msgspec import Struct
from parkstream_eventlog import Appended, GapError, decided_at
from parkstream_events import wire
from parkstream_events.decisions import NAMED_MAX, Act, OperatorActed
from parkstream_events.sightings import moment_of
from parkstream_events.summaries import VISIT_ID_LENGTH_MAX
from parkstream_projection import recorded_event_of
from parkstream_projection.opened import Opened

DAYS_MAX: Final = 30
"""So far back acts are looked for: the id index remembers a few days more."""
SHOWN_MAX: Final = 20
NAMED_BYTES_MAX: Final = 32 * 1024
"""A record has at most twice that."""
_UNPRINTABLE: Final = re.compile(r"\s+")


class Recorded(Struct, frozen=True):
    """An act, and its record."""

    position: int
    recorded_at: datetime
    act: Act


def act_of(who: str, what: str, why: str, about: Collection[str], count: int | None = None) -> Act:
    """Return the act of *who* on *about*, of which it names as many as a record may have; they may be more: *count*."""
    named: list[str] = []
    room = NAMED_BYTES_MAX
    for name in list(about)[:NAMED_MAX]:
        room -= len(wire.encode(name)) + 1
        if room < 0:
            break
        named.append(name[:VISIT_ID_LENGTH_MAX])
    return Act(
        who=who,
        what=what,
        why=_UNPRINTABLE.sub(" ", why).strip(),
        count=len(about) if count is None else count,
        about=named,
    )


async def record(it: Opened, act: Act) -> int:
    """Write to the log that *act* is about to be done; return its position. *it* must be opened to write."""
    today = await _today(it)
    body, number = wire.encode(OperatorActed.of(act)), await _last_number(it, today) + 1
    while True:
        outcome = await it.log.decide(wire.VISITS_RESTATED, _id(today, number), body, unless_after=None)
        if isinstance(outcome, Appended):
            return outcome.position
        number += 1  # Somebody else acted at the same time.


async def last_acts(it: Opened, count: int = SHOWN_MAX) -> list[Recorded]:
    """Return the last acts of the last ``DAYS_MAX`` days, the newest first."""
    found: list[Recorded] = []
    async for one in _backwards(it):
        found.append(one)
        if len(found) == count:
            break
    return found


async def acts_about(it: Opened, names: Collection[str], looked_at_max: int = 200) -> list[Recorded]:
    """Return what was done to one of *names* in the last ``DAYS_MAX`` days, the oldest first."""
    wanted, looked_at, found = set(names), 0, list[Recorded]()
    async for one in _backwards(it):
        looked_at += 1
        if not wanted.isdisjoint(one.act.about):
            found.append(one)
        if looked_at == looked_at_max:
            break
    return found[::-1]


async def _backwards(it: Opened) -> AsyncIterator[Recorded]:
    today = await _today(it)
    for ago in range(DAYS_MAX):
        day = today - timedelta(days=ago)
        for number in range(await _last_number(it, day), 0, -1):
            if (one := await _read(it, _id(day, number))) is not None:
                yield one


async def _read(it: Opened, id_: str) -> Recorded | None:
    position = await decided_at(it.redis, it.keys, id_)
    if position is None:
        return None
    try:
        (record,) = await it.log.read(position - 1, 1)
    except GapError:  # It is in an archive that is not here.
        return None
    event = recorded_event_of(record).event
    return Recorded(position, moment_of(record.recorded_at_us), event.act) if isinstance(event, OperatorActed) else None


async def _last_number(it: Opened, day: date) -> int:
    """Return the number of the last act of *day*, 0 when there was none: by doubling, then by halving."""
    known, beyond = 0, 1
    while await decided_at(it.redis, it.keys, _id(day, beyond)) is not None:
        known, beyond = beyond, beyond * 2
    while beyond - known > 1:
        middle = (known + beyond) // 2
        if await decided_at(it.redis, it.keys, _id(day, middle)) is None:
            beyond = middle
        else:
            known = middle
    return known


async def _today(it: Opened) -> date:
    return moment_of((await it.log.state()).now_us).date()


def _id(day: date, number: int) -> str:
    return f"acted:{day.isoformat()}:{number}"
