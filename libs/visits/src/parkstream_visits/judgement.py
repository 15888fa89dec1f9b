"""Which rule applied to each sighting of a plate: the pairing once more, with its reasons."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from msgspec import Struct

from parkstream_visits.plate_visits import ENTRY, EXIT, PlateSighting, Visit, visits_of
from parkstream_visits.rules import Rules


class Rule(StrEnum):
    """What a sighting is to its plate's visits."""

    OPENED = "opened_visit"
    COMPLETED = "completed_visit"
    DUPLICATE = "duplicate_read"
    NO_ENTRY = "exit_without_entry"
    TOO_LATE = "too_late"
    TOO_MANY = "too_many"
    REPEATED = "repeated"


class Judged(Struct, frozen=True):
    """A sighting, the *rule* that applied to it, and the *other* sighting that it was judged by, if there was one.

    ``completed_visit``, ``duplicate_read``: the one before it, of its visit. ``exit_without_entry``: the one before it,
    an exit, or an entry longer ago than ``limit_us``. ``opened_visit``: the entry that followed instead of an exit.
    """

    sighting: PlateSighting
    rule: Rule
    visit_id: str | None = None
    other: PlateSighting | None = None
    limit_us: int | None = None
    """Microseconds: the duplicate window, the longest stay, or until when a sighting may come."""


def judged(sightings: Sequence[PlateSighting], rules: Sequence[Rules]) -> list[Judged]:
    """Return what the rules make of one plate's *sightings*, sorted, in the order they happened."""
    visits = visits_of(sightings, rules)
    found: list[Judged] = []
    for nth, visit in enumerate(visits):
        before = _last_of(visits[nth - 1]) if nth else None
        after = visits[nth + 1].entry if nth + 1 < len(visits) else None
        found += _kept(visit, before, after, rules)
        found += _duplicates(visit, rules)
    return sorted(found, key=lambda one: one.sighting.key)


def _kept(
    visit: Visit, before: PlateSighting | None, after: PlateSighting | None, rules: Sequence[Rules]
) -> list[Judged]:
    entry, exit_ = visit.entry, visit.exit
    if entry is None:
        assert exit_ is not None
        limit_us = rules[before.rules].max_stay_us if before is not None and before.way == ENTRY else None
        return [Judged(exit_, Rule.NO_ENTRY, visit.id, before, limit_us)]
    limit_us = rules[entry.rules].max_stay_us
    if exit_ is None:
        return [Judged(entry, Rule.OPENED, visit.id, after, limit_us)]
    return [
        Judged(entry, Rule.OPENED, visit.id, None, limit_us),
        Judged(exit_, Rule.COMPLETED, visit.id, entry, limit_us),
    ]


def _duplicates(visit: Visit, rules: Sequence[Rules]) -> Iterator[Judged]:
    before = {ENTRY: visit.entry, EXIT: visit.exit}
    for sighting in visit.duplicates:
        yield Judged(
            sighting, Rule.DUPLICATE, visit.id, before[sighting.way], rules[sighting.rules].duplicate_window_us
        )
        before[sighting.way] = sighting


def _last_of(visit: Visit) -> PlateSighting | None:
    return visit.exit or visit.entry
