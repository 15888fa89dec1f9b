"""Cars of every sort, and what must come of each."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, NamedTuple

from msgspec import Struct, field
from parkstream_devtools.pipeline.account import Published
from parkstream_devtools.pipeline.settings import ENTRY_GATES, EXIT_GATES, SHARES
from parkstream_events.summaries import Outcome
from parkstream_events.topology import ENTERED_KEY, EXITED_KEY

SORTS: Final = {"passes": 60, "unseen": 12, "stays": 10, "enters twice": 6, "creeps out": 6, "reported twice": 6}
"""How often each sort of car comes."""


class Event(NamedTuple):
    """One sighting as it is published."""

    key: str
    body: bytes


class Expected(NamedTuple):
    """What the current summary of an exit must say."""

    outcome: Outcome
    entry_id: str | None
    plate: str


class Traffic(Struct, kw_only=True):
    """What was published, and so what must come out."""

    entries: int = 0
    exits: dict[str, Expected] = field(default_factory=dict[str, Expected])
    """By the id of the exit that counts."""
    repeated_reads: int = 0
    exits_missed: set[str] = field(default_factory=set[str])
    """The entries whose car entered again."""
    of_strangers: int = 0
    """Entries in messages that are odd, but good."""
    refused: int = 0
    """Messages that are no event."""
    of_generators: Published = Published(entries=0, exits=0, matched=0, unmatched=0)

    @property
    def sightings(self) -> int:
        """How many records they make."""
        return self.published.entries + self.published.exits

    @property
    def published(self) -> Published:
        """What the account begins with."""
        unmatched = sum(one.entry_id is None for one in self.exits.values())
        more = self.of_generators
        return Published(
            entries=self.entries + self.of_strangers + more.entries,
            exits=len(self.exits) + self.repeated_reads + more.exits,
            matched=len(self.exits) - unmatched + more.matched,
            unmatched=unmatched + more.unmatched,
            placeholders=self.refused,
        )


class Cars:
    """The cars that *seed* gives; *traffic* knows of each that was met."""

    def __init__(self, seed: int) -> None:
        self.traffic = Traffic()
        self._random = Random(f"cars:{seed}")
        self._name = f"{seed:08X}"
        self._count = 0

    def met(self, cars: int) -> list[Event]:
        """Return what the cameras report of the next *cars*, in any order: an exit may come before its entry."""
        events = [event for _ in range(cars) for event in self._next()]
        self._random.shuffle(events)
        return events

    def _next(self) -> Iterator[Event]:
        self._count += 1
        plate, now = f"{self._name}C{self._count}", datetime.now(UTC)
        id_ = f"{self._name}-{self._count}"
        (sort,) = self._random.choices(list(SORTS), list(SORTS.values()))
        entered = None if sort == "unseen" else f"{id_}-in"
        if sort == "enters twice":
            self.traffic.exits_missed.add(f"{id_}-before")
            self.traffic.entries += 1
            yield self._entry(f"{id_}-before", plate, now - timedelta(seconds=3))
        if entered is not None:
            self.traffic.entries += 1
            first = self._entry(entered, plate, now - timedelta(seconds=1))
            yield from [first] * (2 if sort == "reported twice" else 1)
        if sort == "stays":
            return
        outcome = Outcome.ENTRY_MISSED if entered is None else Outcome.COMPLETED
        self.traffic.exits[f"{id_}-out"] = Expected(outcome, entered, plate)
        yield self._exit(f"{id_}-out", plate, now - timedelta(seconds=0.2))
        if sort == "creeps out":
            self.traffic.repeated_reads += 1
            yield self._exit(f"{id_}-again", plate, now)

    def _entry(self, id_: str, plate: str, at: datetime) -> Event:
        (gate,) = self._random.choices(ENTRY_GATES, SHARES)
        event = {"id": id_, "vehicle_plate": plate, "entry_date_time": at.isoformat(), "gate": gate}
        return Event(ENTERED_KEY, json.dumps(event).encode())

    def _exit(self, id_: str, plate: str, at: datetime) -> Event:
        (gate,) = self._random.choices(EXIT_GATES, SHARES)
        event = {"id": id_, "vehicle_plate": plate, "exit_date_time": at.isoformat(), "gate": gate}
        return Event(EXITED_KEY, json.dumps(event).encode())
