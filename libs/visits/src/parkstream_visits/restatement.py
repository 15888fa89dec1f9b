"""Restated: summaries that another version of the projection wrote otherwise, each as its next revision."""

from parkstream_events.decisions import RestatedVisit
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_ledger import PlateLedger, body_of, superseded_by
from parkstream_visits.plate_visits import ENTRY, EXIT, PlateSighting, Visit, visits_of
from parkstream_visits.state import LastEmitted, Plate, State


def restate(state: State, ledger: PlateLedger, named: RestatedVisit, position: int) -> None:
    """Emit the *named* visit as it is now, at the revision after all that were emitted of it, here or elsewhere.

    One that the rules do not give, or that is pending, is retracted. Of a plate that is not remembered nothing is kept.
    """
    visit_id, plate = named.visit_id, state.plates.get(named.vehicle_plate)
    visits = [] if plate is None else visits_of(plate.sightings, state.clock.rules)
    last = None if plate is None else plate.emitted.get(visit_id)
    visit = _current(visit_id, visits, plate)
    outcome, entry_id, exit_id = body_of(visit) if visit else (Outcome.RETRACTED, None, None)
    revision = max(named.revision, last.revision if last else 0) + 1
    ledger.count_emitted(last, outcome)
    if plate is not None:
        plate.emitted[visit_id] = LastEmitted(revision, outcome, entry_id, exit_id)
        ledger.touched.add(named.vehicle_plate)
    entry, exit_ = (visit.entry, visit.exit) if visit else (None, None)
    successor = superseded_by(last, visits) if last and visit is None else None
    cause = exit_ or entry or _sighting(visit_id, plate, state)
    ledger.emitted.append(
        Emitted(
            named.vehicle_plate, visit_id, revision, outcome, entry, exit_, cause, position, successor, restated=True
        )
    )


def _current(visit_id: str, visits: list[Visit], plate: Plate | None) -> Visit | None:
    """Return the visit, unless there is none or it waits for sightings still to come."""
    if plate is None or visit_id in plate.pending:
        return None
    return next((visit for visit in visits if visit.id == visit_id), None)


def _sighting(visit_id: str, plate: Plate | None, state: State) -> PlateSighting:
    """Return the sighting that gave the visit its id, or one made up of now."""
    kind, _, id_ = visit_id.partition(":")
    way = EXIT if kind == "exit" else ENTRY
    for sighting in plate.sightings if plate is not None else ():
        if (sighting.way, sighting.id) == (way, id_):
            return sighting
    return PlateSighting(
        at_us=state.clock.recorded_at_us,
        way=way,
        id=id_,
        rules=len(state.clock.rules) - 1,
        position=0,
        published_at_us=None,
        traceparent=None,
    )
