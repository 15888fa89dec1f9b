"""A plate's sightings, in the order they happened, paired into visits.

The rules (docs/architecture.md, "How visits are decided") look at nothing but the set of sightings, so
the order of arrival cannot matter.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from msgspec import Struct
from parkstream_events.sightings import GATE_LENGTH_MAX, Direction, Sighting, VehicleEntered, microseconds
from parkstream_events.summaries import Outcome

from parkstream_visits.rules import Rules
from parkstream_visits.timers import Timer

ENTRY, EXIT = int(Direction.ENTRY), int(Direction.EXIT)

Identity = tuple[int, str]
"""Which of a direction's events it is: its event time and its id, since cameras number from 1 each day."""


class PlateSighting(NamedTuple):
    """One sighting of a plate; sorts by (event time, entry before exit, id), which is unique."""

    at_us: int
    way: int
    id: str
    rules: int
    """Which of the clock's rules were in force when it was recorded."""
    position: int
    delay_us: int
    """How long after it happened it was recorded; less than 0 when the camera's clock is ahead."""
    gate: str
    published_at_us: int | None
    traceparent: str | None

    @property
    def key(self) -> tuple[int, int, str]:
        """What it sorts by."""
        return self[:3]

    @property
    def identity(self) -> Identity:
        """Which of its direction's events it is."""
        return self.at_us, self.id

    @property
    def recorded_at_us(self) -> int:
        """When it was recorded."""
        return self.at_us + self.delay_us

    @property
    def due_us(self) -> int:
        """When it happened, never later than its recording: what rests on it may wait no longer than that."""
        return self.at_us if self.delay_us >= 0 else self.at_us + self.delay_us

    @property
    def visit_id(self) -> str:
        """The id of a visit that is called by this sighting."""
        return f"{'exit' if self.way else 'entry'}:{self.id}@{self.at_us}"


def visit_id_of(way: int, event_id: str, at_us: int) -> str:
    """Return the id of the visit that is called by this event."""
    return f"{'entry' if way == ENTRY else 'exit'}:{event_id}@{at_us}"


def event_of(visit_id: str) -> tuple[int, str, int] | None:
    """Return direction, id and time of the event that *visit_id* is made of; None when it is no visit id."""
    kind, _, rest = visit_id.partition(":")
    event_id, _, at = rest.rpartition("@")
    if kind not in {"entry", "exit"} or not event_id or not at.removeprefix("-").isdecimal():
        return None
    return (ENTRY if kind == "entry" else EXIT), event_id, int(at)


def gate_of(event: Sighting) -> str:
    """Return the name of the gate that *event* came from; none when it is too long to be kept."""
    gate = event.gate or ""
    return gate if len(gate) <= GATE_LENGTH_MAX else ""


class Recording(Protocol):
    """What the log adds to an event: a record, or a recorded event."""

    @property
    def position(self) -> int:
        """Where it stands."""
        ...

    @property
    def recorded_at_us(self) -> int:
        """When it was recorded."""
        ...

    @property
    def published_at_us(self) -> int | None:
        """When it was published, if its camera gave the time."""
        ...

    @property
    def traceparent(self) -> str | None:
        """The trace that it belongs to."""
        ...


def plate_sighting_of(event: Sighting, recording: Recording, rules: int) -> PlateSighting:
    """Return what is remembered of *event*, which was recorded when the clock's *rules* were in force.

    What the rules or a summary need of a new field of an event is taken over here, and nowhere else.
    """
    if isinstance(event, VehicleEntered):
        at_us, way = microseconds(event.entry_date_time), ENTRY
    else:
        at_us, way = microseconds(event.exit_date_time), EXIT
    return PlateSighting(
        at_us=at_us,
        way=way,
        id=event.id,
        rules=rules,
        position=recording.position,
        delay_us=recording.recorded_at_us - at_us,
        gate=gate_of(event),
        published_at_us=recording.published_at_us,
        traceparent=recording.traceparent,
    )


class Visit(Struct):
    """One stay; what ``waits_for`` something holds once the watermark has passed ``due_us`` (and the lateness)."""

    id: str
    outcome: Outcome
    entry: PlateSighting | None
    exit: PlateSighting | None
    waits_for: Timer | None = None
    due_us: int = 0
    duplicates: list[PlateSighting] = []


class _Pairing:
    """The visits found so far, and the entry that waits for its exit."""

    def __init__(self, rules: Sequence[Rules]) -> None:
        self.rules = rules
        self.visits: list[Visit] = []
        self.inside: Visit | None = None
        self._leaves_by_us = 0

    def entered(self, sighting: PlateSighting) -> None:
        self._leave_unseen_by(sighting)
        stay_us = self.rules[sighting.rules].max_stay_us
        self._leaves_by_us = sighting.at_us + stay_us
        self.inside = Visit(
            sighting.visit_id, Outcome.EXIT_MISSED, sighting, None, Timer.MISSING_EXIT, sighting.due_us + stay_us
        )
        self.visits.append(self.inside)

    def exited(self, sighting: PlateSighting) -> None:
        inside = self.inside
        if inside is not None and sighting.at_us <= self._leaves_by_us:
            inside.id, inside.outcome, inside.exit = sighting.visit_id, Outcome.COMPLETED, sighting
            inside.waits_for, inside.due_us = None, 0
        else:
            self.visits.append(
                Visit(sighting.visit_id, Outcome.ENTRY_MISSED, None, sighting, Timer.MISSING_ENTRY, sighting.due_us)
            )
        self.inside = None

    def _leave_unseen_by(self, following: PlateSighting) -> None:
        if self.inside is not None and following.due_us < self.inside.due_us:
            self.inside.due_us = following.due_us


def visits_of(sightings: Sequence[PlateSighting], rules: Sequence[Rules]) -> list[Visit]:
    """Pair one plate's *sightings*, sorted, into visits; each sighting's ``rules`` is an index into *rules*.

    Every exit is in exactly one visit: as its exit, or among its duplicate reads. The window of duplicate reads slides:
    a car that creeps past a camera is one, however long it takes.
    """
    pairing = _Pairing(rules)
    before: PlateSighting | None = None
    for sighting in sightings:
        if (
            before is not None
            and before.way == sighting.way
            and sighting.at_us - before.at_us < rules[sighting.rules].duplicate_window_us
        ):
            pairing.visits[-1].duplicates.append(sighting)
        elif sighting.way == ENTRY:
            pairing.entered(sighting)
        else:
            pairing.exited(sighting)
        before = sighting
    return pairing.visits
