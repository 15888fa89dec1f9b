"""What two versions of the projection say differently of visits, as long as one of them may still change it."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from parkstream_events import wire
from parkstream_events.decisions import RESTATED_MAX, RestatedVisit, VisitsRestated
from parkstream_visits import Clock, LastEmitted, Plate
from parkstream_visits.plate_visits import ENTRY, EXIT

RESTATED_BYTES_MAX: Final = wire.BODY_BYTES_MAX - 1_024


class Difference(NamedTuple):
    """A visit whose last summary of the version *shown* so far is another than *now*, or at another revision."""

    plate: str
    visit_id: str
    shown: LastEmitted | None
    now: LastEmitted | None


def differences(plates: Iterable[tuple[str, Plate | None, Plate | None]], final_before_us: int) -> list[Difference]:
    """Return where *plates* (the name, as shown and as now) differ.

    What only one of them remembers, and which happened before *final_before_us*, is final: the other may have forgotten
    it, and nothing changes it any more.
    """
    gone: dict[str, Difference] = {}
    come: dict[str, Difference] = {}
    for name, shown, now in plates:
        for one in _of_plate(name, shown, now, final_before_us):
            (gone if one.now is None else come)[one.visit_id] = one
    for visit_id in gone.keys() & come.keys():  # It has moved to another plate.
        come[visit_id] = come[visit_id]._replace(shown=gone.pop(visit_id).shown)
    return [*come.values(), *gone.values()]


def final_before_us(*clocks: Clock) -> int:
    """Return the time before which visits may have been forgotten, by one of *clocks*."""
    return max(
        clock.recorded_at_us - min(rules.finality_us + rules.duplicate_window_us for rules in clock.rules)
        for clock in clocks
    )


def restating(found: Iterable[Difference], version: int, position: int) -> list[VisitsRestated]:
    """Return the decisions to say again what was *found*, in as many records as it takes after *position*."""
    parts: list[list[RestatedVisit]] = []
    room = 0
    for one in found:
        visit = RestatedVisit(one.plate, one.visit_id, one.shown.revision if one.shown else 0)
        size = len(wire.encode(visit)) + 1
        if size > room or len(parts[-1]) == RESTATED_MAX:
            parts.append([])
            room = RESTATED_BYTES_MAX
        parts[-1].append(visit)
        room -= size
    return [VisitsRestated(version, position, nth, visits) for nth, visits in enumerate(parts, 1)]


def _of_plate(name: str, shown: Plate | None, now: Plate | None, final_before: int) -> Iterator[Difference]:
    before, after = _standings(shown), _standings(now)
    for visit_id in dict.fromkeys((*after, *before)):
        one, other = before.get(visit_id), after.get(visit_id)
        if _content(one) == _content(other) or (one is None and _is_final(visit_id, now, final_before)):
            continue
        if other is None and _is_final(visit_id, shown, final_before):
            continue
        yield Difference(name, visit_id, one, other)


def _standings(plate: Plate | None) -> Mapping[str, LastEmitted]:
    return {} if plate is None else plate.emitted


def _content(last: LastEmitted | None) -> tuple[Any, ...] | None:
    """Return what makes a difference: at which record it was emitted does not."""
    return None if last is None else (last.revision, *last.body)


def _is_final(visit_id: str, plate: Plate | None, final_before: int) -> bool:
    """Whether all that is remembered of a visit happened so long ago that a plate like this may have forgotten it."""
    if plate is None:
        return True
    last = plate.emitted[visit_id]
    own = {(ENTRY, last.entry), (EXIT, last.exit)}
    return all(
        sighting.at_us < final_before
        for sighting in plate.sightings
        if sighting.visit_id == visit_id or (sighting.way, sighting.identity) in own
    )
