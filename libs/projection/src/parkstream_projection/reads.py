"""Questions to a projection: where it stands, who is inside, what waits."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct
from parkstream_events.keys import BackendKeys
from parkstream_events.sightings import moment_of
from parkstream_events.summaries import Outcome
from parkstream_service.redis import Functions
from parkstream_visits import RULES_VERSION, Clock, Plate, Timer, visits_of
from parkstream_visits.timers import SEPARATOR
from redis.asyncio import Redis

from parkstream_projection.codec import decode_clock, decode_plate
from parkstream_projection.functions import PROJECTING
from parkstream_projection.present import Present
from parkstream_projection.state_hash import clock_hash, encode, hash_text
from parkstream_projection.store import FIRST_VERSION, OtherRulesError

WAITING_MAX: Final = 100


class Waiting(NamedTuple):
    """A visit that is pending until the watermark passes *due_us* and the allowed lateness."""

    due_us: int
    plate: str
    visit_id: str


class Outlook(NamedTuple):
    """Where a projection stands, and per direction whose sighting is missing, the visits that come due first."""

    checkpoint: int
    clock: Clock
    waiting: tuple[list[Waiting], list[Waiting]]


class PlateVisit(Struct, frozen=True):
    """A visit that is remembered: *revision* is the last that was emitted of it, 0 when none was."""

    visit_id: str
    outcome: Outcome | None
    revision: int
    entry_date_time: datetime | None
    exit_date_time: datetime | None
    entry_event_id: str | None
    exit_event_id: str | None
    duplicate_reads: int


class Inside(Struct, frozen=True):
    """A car that is inside."""

    vehicle_plate: str
    entry_date_time: datetime
    entry_event_id: str


class InsidePage(Struct, frozen=True):
    """Cars that are inside, those that came first first; *cursor* asks for the next page, None at the end."""

    items: list[Inside]
    cursor: str | None


class _Keys(NamedTuple):
    meta: str
    plates: str
    hashes: str
    timers: list[str]


_META: Final = ("checkpoint", "state_hash", "clock", "aside", "rules_version")


class Reads:
    """Projection *version* as it is in *redis*, or the live one; the client must not repeat commands by itself."""

    def __init__(self, redis: Redis, keys: BackendKeys, *, version: int | None = None) -> None:
        self._functions = Functions(redis, PROJECTING)
        self._keys = keys
        self._follows_live = version is None
        self._version = version or FIRST_VERSION

    @property
    def version(self) -> int:
        """Which version of the projection was asked last."""
        return self._version

    async def state(self) -> Present:
        """Return where the projection stands; raise ``OtherRulesError`` when other rules made it, in their own way."""
        (meta,) = await self._ask(lambda at: [("HMGET", at.meta, *_META)])
        return _present(meta)

    async def checkpoint(self) -> int:
        """Return how far the projection has got, whatever rules made it."""
        (checkpoint,) = await self._ask(lambda at: [("HGET", at.meta, "checkpoint")])
        return int(checkpoint or 0)

    async def hash_at(self, position: int) -> str | None:
        """Return the state hash that was kept at *position*, if one was."""
        (kept,) = await self._ask(lambda at: [("HGET", at.hashes, position)])
        return kept.decode() if kept else None

    async def plate(self, name: str) -> list[PlateVisit] | None:
        """Return the visits of the plate *name* that are not final yet, None when nothing of it is remembered."""
        present, plate = await self.remembered(name)
        return None if plate is None else _visits(plate, present.clock)

    async def remembered(self, name: str) -> tuple[Present, Plate | None]:
        """Return where the projection stands, and all that is remembered of the plate *name*."""
        meta, encoded = await self._ask(lambda at: [("HMGET", at.meta, *_META), ("HGET", at.plates, name)])
        return _present(meta), None if encoded is None else decode_plate(encoded)

    async def inside(self, cursor: str = "0", count: int = WAITING_MAX) -> InsidePage:
        """Return up to *count* cars that are inside; *cursor* is "0" or that of the page before."""
        due_us, _, skip = cursor.partition(".")
        which = (int(due_us), "+inf", "BYSCORE", "LIMIT", int(skip or 0), count, "WITHSCORES")
        (answer,) = await self._ask(lambda at: [("ZRANGE", at.timers[Timer.MISSING_EXIT], *which)])
        waiting = _waiting(answer)
        plates = await self._plates([one.plate for one in waiting])
        found = (_inside(one, encoded) for one, encoded in zip(waiting, plates, strict=True) if encoded)
        return InsidePage(
            [one for one in found if one is not None], _cursor(waiting, cursor) if len(waiting) == count else None
        )

    async def outlook(self, count: int = WAITING_MAX) -> Outlook:
        """Return where the projection stands, and up to *count* visits per direction that come due first.

        Raises ``OtherRulesError`` when other rules made it: what comes due by them is theirs to decide.
        """
        ways = (Timer.MISSING_ENTRY, Timer.MISSING_EXIT)
        meta, entry, exit_ = await self._ask(
            lambda at: [
                ("HMGET", at.meta, *_META),
                *(("ZRANGE", at.timers[way], 0, count - 1, "WITHSCORES") for way in ways),
            ]
        )
        present = _present(meta)
        if (made_by := _rules_of(meta)) != RULES_VERSION:
            raise OtherRulesError(made_by, RULES_VERSION)
        return Outlook(present.checkpoint, present.clock, (_waiting(entry), _waiting(exit_)))

    async def recorded_at(self, names: list[str]) -> list[int]:
        """Return for each plate when the last sighting of it was recorded, 0 when nothing of it is remembered."""
        plates = [decode_plate(encoded) if encoded else None for encoded in await self._plates(names)]
        return [max(one.recorded_at_us for one in plate.sightings) if plate else 0 for plate in plates]

    async def _plates(self, names: list[str]) -> list[bytes | None]:
        if not names:
            return []
        (plates,) = await self._ask(lambda at: [("HMGET", at.plates, *names)])
        return list(plates)

    async def _ask(self, commands: Callable[[_Keys], list[tuple[Any, ...]]]) -> list[Any]:
        """Return what the *commands* on a version answer in one step; when another became live, ask that one."""
        while True:
            which = ("HGET", self._keys.outbox_meta, "live")
            found, *answers = await self._functions.at_once(which, *commands(_keys_of(self._keys, self._version)))
            live = int(found or FIRST_VERSION)
            if not self._follows_live or live == self._version:
                return answers
            self._version = live


def _keys_of(keys: BackendKeys, version: int) -> _Keys:
    timers = [keys.projection(version, f"timers:{way.value}") for way in Timer]
    meta, plates, hashes = (keys.projection(version, name) for name in ("meta", "plates", "hashes"))
    return _Keys(meta, plates, hashes, timers)


def _present(meta: list[Any]) -> Present:
    checkpoint, kept_hash, clock, aside, _ = meta
    if checkpoint is None:
        return Present(0, hash_text(clock_hash(encode(Clock()))), Clock())
    try:
        decoded = decode_clock(clock, aside)
    except msgspec.DecodeError as error:
        if (made_by := _rules_of(meta)) == RULES_VERSION:
            raise
        raise OtherRulesError(made_by, RULES_VERSION) from error
    return Present(int(checkpoint), kept_hash.decode(), decoded)


def _rules_of(meta: list[Any]) -> int:
    """Return the version of the rules that made a projection; before there is one, ours may."""
    return RULES_VERSION if meta[-1] is None else int(meta[-1])


def _waiting(answer: list[Any]) -> list[Waiting]:
    """Return what Redis answers, with scores, as items."""
    found: list[Waiting] = []
    for member, score in zip(answer[::2], answer[1::2], strict=True):
        plate, _, visit_id = member.decode().partition(SEPARATOR)
        found.append(Waiting(int(float(score)), plate, visit_id))
    return found


def _visits(plate: Plate, clock: Clock) -> list[PlateVisit]:
    found: list[PlateVisit] = []
    for visit in visits_of(plate.sightings, clock.rules):
        last = plate.emitted.get(visit.id)
        entry, exit_ = visit.entry, visit.exit
        found.append(
            PlateVisit(
                visit.id,
                last.outcome if last else None,
                last.revision if last else 0,
                moment_of(entry.at_us) if entry else None,
                moment_of(exit_.at_us) if exit_ else None,
                entry.id if entry else None,
                exit_.id if exit_ else None,
                len(visit.duplicates),
            )
        )
    return found


def _inside(waiting: Waiting, encoded: bytes) -> Inside | None:
    """Return the car that *waiting* is about, unless it has come in again since."""
    plate = decode_plate(encoded)
    pending = {visit_id: due_us for visit_id, (timer, due_us) in plate.pending.items() if timer == Timer.MISSING_EXIT}
    if not plate.inside or waiting.visit_id != max(pending, key=pending.__getitem__, default=None):
        return None
    entry = next(sighting for sighting in plate.sightings if sighting.visit_id == waiting.visit_id)
    return Inside(waiting.plate, moment_of(entry.at_us), entry.id)


def _cursor(waiting: list[Waiting], before: str) -> str:
    """Return where the page after *waiting* begins: the last due time, and how many with that time are passed."""
    last = waiting[-1].due_us
    passed = sum(one.due_us == last for one in waiting)
    due_us, _, skip = before.partition(".")
    return f"{last}.{passed + (int(skip or 0) if int(due_us) == last else 0)}"
