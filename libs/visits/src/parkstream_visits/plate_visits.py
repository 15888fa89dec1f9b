"""A plate's sightings, in the order they happened, paired into visits.

The rules (docs/architecture.md, "How visits are decided") look at nothing but the set of sightings, so
the order of arrival cannot matter.
"""

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct
from parkstream_events.sightings import Direction
from parkstream_events.summaries import Outcome

from parkstream_visits.rules import Rules
from parkstream_visits.timers import Agenda

ENTRY, EXIT = int(Direction.ENTRY), int(Direction.EXIT)


class Seen(NamedTuple):
    """One sighting of a plate; sorts by (happened, entry before exit, id), which is unique."""

    at_us: int
    way: int
    id: str
    rules: int
    """Which of the clock's rules were in force when it was recorded."""
    position: int
    published_at_us: int | None
    traceparent: str | None


class Visit(Struct):
    """One stay; the outcome holds once the clock ``waits_for`` has passed ``due_us`` (and the lateness)."""

    id: str
    outcome: Outcome
    entry: Seen | None
    exit: Seen | None
    waits_for: Agenda | None = None
    due_us: int = 0
    duplicates: list[Seen] = []


class _Pairing:
    """The visits found so far, and the entry that waits for its exit."""

    def __init__(self, rules: Sequence[Rules]) -> None:
        self.rules = rules
        self.visits: list[Visit] = []
        self.inside: Visit | None = None

    def entered(self, seen: Seen) -> None:
        self._leave_unseen_by(seen.at_us)
        due = seen.at_us + self.rules[seen.rules].max_stay_us
        self.inside = Visit(f"entry:{seen.id}", Outcome.EXIT_MISSED, seen, None, Agenda.EXIT_WATERMARK, due)
        self.visits.append(self.inside)

    def exited(self, seen: Seen) -> None:
        inside = self.inside
        if inside is not None and seen.at_us <= inside.due_us:
            inside.id, inside.outcome, inside.exit = f"exit:{seen.id}", Outcome.COMPLETED, seen
            inside.waits_for, inside.due_us = None, 0
        else:
            self.visits.append(
                Visit(f"exit:{seen.id}", Outcome.ENTRY_MISSED, None, seen, Agenda.ENTRY_WATERMARK, seen.at_us)
            )
        self.inside = None

    def _leave_unseen_by(self, at_us: int) -> None:
        if self.inside is not None and at_us < self.inside.due_us:
            self.inside.due_us = at_us


def visits_of(sightings: Sequence[Seen], rules: Sequence[Rules]) -> list[Visit]:
    """Pair one plate's *sightings*, sorted, into visits; each sighting's ``rules`` is an index into *rules*.

    Every exit is in exactly one visit: as its exit, or among its duplicate reads.
    """
    pairing = _Pairing(rules)
    kept: Seen | None = None
    for seen in sightings:
        if (
            kept is not None
            and kept.way == seen.way
            and seen.at_us - kept.at_us < rules[seen.rules].duplicate_window_us
        ):
            pairing.visits[-1].duplicates = [*pairing.visits[-1].duplicates, seen]
            continue
        kept = seen
        if seen.way == ENTRY:
            pairing.entered(seen)
        else:
            pairing.exited(seen)
    return pairing.visits
