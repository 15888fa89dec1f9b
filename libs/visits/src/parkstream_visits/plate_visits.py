"""A plate's sightings, in the order they happened, paired into visits.

The rules (docs/architecture.md, "How visits are decided") look at nothing but the set of sightings, so
the order of arrival cannot matter.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from parkstream_events.sightings import Direction, Sighting, VehicleEntered, microseconds
from parkstream_events.summaries import Outcome

from parkstream_visits.rules import Rules
from parkstream_visits.timers import Timer

ENTRY, EXIT = int(Direction.ENTRY), int(Direction.EXIT)


class PlateSighting(NamedTuple):
    """One sighting of a plate; sorts by (happened, entry before exit, id), which is unique."""

    at_us: int
    way: int
    id: str
    rules: int
    """Which of the clock's rules were in force when it was recorded."""
    position: int
    published_at_us: int | None
    traceparent: str | None

    @property
    def key(self) -> tuple[int, int, str]:
        """What it sorts by."""
        return self[:3]

    @property
    def visit_id(self) -> str:
        """The id of a visit that is called by this sighting."""
        return f"entry:{self.id}" if self.way == ENTRY else f"exit:{self.id}"


def plate_sighting_of(
    event: Sighting, rules: int, position: int, published_at_us: int | None, traceparent: str | None
) -> PlateSighting:
    """Return what is remembered of *event*, recorded at *position* when the clock's *rules* were in force.

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
        position=position,
        published_at_us=published_at_us,
        traceparent=traceparent,
    )


class Visit(Struct):
    """One stay; the outcome holds once the clock ``waits_for`` has passed ``due_us`` (and the lateness)."""

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

    def entered(self, sighting: PlateSighting) -> None:
        self._leave_unseen_by(sighting.at_us)
        due = sighting.at_us + self.rules[sighting.rules].max_stay_us
        self.inside = Visit(sighting.visit_id, Outcome.EXIT_MISSED, sighting, None, Timer.EXIT_WATERMARK, due)
        self.visits.append(self.inside)

    def exited(self, sighting: PlateSighting) -> None:
        inside = self.inside
        if inside is not None and sighting.at_us <= inside.due_us:
            inside.id, inside.outcome, inside.exit = sighting.visit_id, Outcome.COMPLETED, sighting
            inside.waits_for, inside.due_us = None, 0
        else:
            self.visits.append(
                Visit(sighting.visit_id, Outcome.ENTRY_MISSED, None, sighting, Timer.ENTRY_WATERMARK, sighting.at_us)
            )
        self.inside = None

    def _leave_unseen_by(self, at_us: int) -> None:
        if self.inside is not None and at_us < self.inside.due_us:
            self.inside.due_us = at_us


def visits_of(sightings: Sequence[PlateSighting], rules: Sequence[Rules]) -> list[Visit]:
    """Pair one plate's *sightings*, sorted, into visits; each sighting's ``rules`` is an index into *rules*.

    Every exit is in exactly one visit: as its exit, or among its duplicate reads.
    """
    pairing = _Pairing(rules)
    kept: PlateSighting | None = None
    for sighting in sightings:
        if (
            kept is not None
            and kept.way == sighting.way
            and sighting.at_us - kept.at_us < rules[sighting.rules].duplicate_window_us
        ):
            pairing.visits[-1].duplicates = [*pairing.visits[-1].duplicates, sighting]
            continue
        kept = sighting
        if sighting.way == ENTRY:
            pairing.entered(sighting)
        else:
            pairing.exited(sighting)
    return pairing.visits
