"""A year of a mall: what its cameras saw, in the order in which it was recorded."""

import random
from collections import deque
from collections.abc import Iterator
from typing import Final, NamedTuple

from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.decisions import Decision, Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, moment_of
from parkstream_events.units import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from parkstream_visits import Rules

EVENTS_PER_DAY: Final = 2_700
VISITS_PER_DAY: Final = 1_500
"""Of each four in five are seen at both ends, so that a day has 2,700 sightings."""
OPEN_HOURS: Final = (8, 21)
MATCHED: Final = 0.8
COMES_AGAIN: Final = 0.15
READ_TWICE: Final = 0.005
LATE: Final = 0.01
REMEMBERED: Final = 7 * VISITS_PER_DAY
"""Who comes again was here within the last week."""
GATES: Final = ("gate-0", "gate-1", "gate-2", "gate-3")
ALL_GATES: Final = [Gate(way, name) for way in Direction for name in ("", *GATES)]


class Pass(NamedTuple):
    """A car passes a camera: recorded when, happened when, which way, which plate."""

    recorded_at_us: int
    at_us: int
    way: Direction
    plate: str


class Mall:
    """Cars of a mall, the same for the same *seed*."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._latest: deque[str] = deque(maxlen=REMEMBERED)
        self._cars = 0

    def day(self, begins_at_us: int) -> list[Pass]:
        """Return what the cameras see on one day, in the order in which it is recorded."""
        chance = self._chance
        opens, closes = (begins_at_us + hour * HOUR_US for hour in OPEN_HOURS)
        arrivals = sorted(chance.randrange(opens, closes) for _ in range(VISITS_PER_DAY))
        return sorted(seen for at_us in arrivals for seen in self._visit(at_us))

    def _visit(self, at_us: int) -> Iterator[Pass]:
        chance, plate = self._chance, self._plate()
        stay_us = int(chance.triangular(10 * MINUTE_US, 170 * MINUTE_US, 60 * MINUTE_US))
        both, entry_seen = chance.random() < MATCHED, chance.random() < 0.5
        if both or entry_seen:
            yield from self._seen(at_us, Direction.ENTRY, plate)
        if both or not entry_seen:
            yield from self._seen(at_us + stay_us, Direction.EXIT, plate)

    def _seen(self, at_us: int, way: Direction, plate: str) -> Iterator[Pass]:
        for again in range(1 + (self._chance.random() < READ_TWICE)):
            happened = at_us + again * SECOND_US
            yield Pass(happened + self._delay_us(), happened, way, plate)

    def _delay_us(self) -> int:
        longest = 30 * MINUTE_US if self._chance.random() < LATE else 300_000
        return self._chance.randrange(5_000, longest)

    def _plate(self) -> str:
        """Return a car that was here lately, or a new one."""
        if self._latest and self._chance.random() < COMES_AGAIN:
            plate = self._chance.choice(self._latest)
        else:
            self._cars += 1
            plate = f"{chr(65 + self._cars % 26)}{chr(65 + self._cars // 26 % 26)}{self._cars:06d}"
        self._latest.append(plate)
        return plate


def records(events: int, ends_at_us: int, seed: int = 1) -> Iterator[Record]:
    """Yield *events* records of a mall up to about *ends_at_us*: rules first, silence each night."""
    chance, mall = random.Random(seed + 1), Mall(seed)
    days = -(-events // EVENTS_PER_DAY)
    first_day = (ends_at_us - (days + 1) * DAY_US) // DAY_US * DAY_US
    rules = Rules().changed(0)
    yield _decision(1, rules, first_day)
    position = 1
    for day in range(first_day, first_day + 2 * days * DAY_US, DAY_US):
        passes = mall.day(day)
        for seen in passes:
            position += 1
            yield _record(position, seen, chance)
            if position == events:
                return
        position += 1
        at_us = passes[-1].recorded_at_us + HOUR_US
        yield _decision(position, WatermarkAdvanced(ALL_GATES, at_us, "silence", position - 1), at_us)
        if position == events:
            return


def _record(position: int, seen: Pass, chance: random.Random) -> Record:
    event_type = VehicleExited if seen.way else VehicleEntered
    event = event_type(_uuid7(seen.at_us, chance), seen.plate, moment_of(seen.at_us), chance.choice(GATES))
    traceparent = f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-01"
    published_at_us = max(seen.at_us, seen.recorded_at_us - 4_000)
    return Record(
        position,
        wire.type_of(event),
        event.id,
        wire.encode(event),
        seen.recorded_at_us,
        published_at_us,
        traceparent,
    )


def _decision(position: int, decision: Decision, at_us: int) -> Record:
    return Record(position, wire.type_of(decision), decision.id, wire.encode(decision), at_us, None, None)


def _uuid7(at_us: int, chance: random.Random) -> str:
    digits = f"{at_us // 1_000:012x}7{chance.getrandbits(12):03x}{0x8000 | chance.getrandbits(14):04x}"
    digits += f"{chance.getrandbits(48):012x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
