"""Said again: the summaries that another version of the projection wrote otherwise, each as its next revision."""

from parkstream_events.decisions import RestatedVisit
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Spoken
from parkstream_visits.plate_ledger import Bookkeeping, body_of, heir_of
from parkstream_visits.plate_visits import ENTRY, EXIT, Seen, Visit, visits_of
from parkstream_visits.state import Plate, Said, State


def restate(state: State, books: Bookkeeping, named: RestatedVisit, position: int) -> None:
    """Say the *named* visit at the revision after all that was said of it, here or elsewhere, as it is now.

    One that the rules do not give, or that is held still, is said to be retracted. Of a plate that is not remembered
    nothing is kept.
    """
    visit_id, plate = named.visit_id, state.plates.get(named.vehicle_plate)
    visits = [] if plate is None else visits_of(plate.seen, state.clock.rules)
    said = None if plate is None else plate.said.get(visit_id)
    visit = _spoken_of(visit_id, visits, plate)
    outcome, entry_id, exit_id = body_of(visit) if visit else (Outcome.RETRACTED, None, None)
    revision = max(named.revision, said.revision if said else 0) + 1
    books.count_spoken(said, outcome)
    if plate is not None:
        plate.said[visit_id] = Said(revision, outcome, entry_id, exit_id)
        books.touched.add(named.vehicle_plate)
    entry, exit_ = (visit.entry, visit.exit) if visit else (None, None)
    heir = heir_of(said, visits) if said and visit is None else None
    cause = exit_ or entry or _sighting(visit_id, plate, state)
    books.said.append(
        Spoken(named.vehicle_plate, visit_id, revision, outcome, entry, exit_, cause, position, heir, restated=True)
    )


def _spoken_of(visit_id: str, visits: list[Visit], plate: Plate | None) -> Visit | None:
    """Return the visit, unless there is none or it waits for sightings still to come."""
    if plate is None or visit_id in plate.held:
        return None
    return next((visit for visit in visits if visit.id == visit_id), None)


def _sighting(visit_id: str, plate: Plate | None, state: State) -> Seen:
    """Return the sighting that the visit is called by, or one of now that nobody has reported."""
    kind, _, id_ = visit_id.partition(":")
    way = EXIT if kind == "exit" else ENTRY
    for seen in plate.seen if plate is not None else ():
        if (seen.way, seen.id) == (way, id_):
            return seen
    return Seen(state.clock.recorded_at_us, way, id_, len(state.clock.rules) - 1, 0, None, None)
