"""Restated: summaries that another version of the projection wrote otherwise, each as its next revision."""

from parkstream_events.decisions import RestatedVisit
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Emitted
from parkstream_visits.plate_ledger import PlateLedger, body_of, emitted_of, superseded_by
from parkstream_visits.plate_visits import ENTRY, PlateSighting, Visit, event_of, visits_of
from parkstream_visits.state import LastEmitted, Plate, State


def restate(state: State, ledger: PlateLedger, named: RestatedVisit, position: int) -> None:
    """Emit the *named* visit as it is now, at the revision after all that were emitted of it, here or elsewhere.

    One that the rules do not give, or that is pending, is retracted. Of a plate that is not remembered nothing is kept.
    """
    visit_id, plate = named.visit_id, state.plates.get(named.vehicle_plate)
    visits = [] if plate is None else visits_of(plate.sightings, state.clock.rules)
    last = None if plate is None else plate.emitted.get(visit_id)
    visit = _current(visit_id, visits, plate)
    revision = max(named.revision, last.revision if last else 0) + 1
    cause = (visit and (visit.exit or visit.entry)) or _sighting(visit_id, plate, state)
    if visit is None:
        successor = superseded_by(last, visits) if last else None
        emitted = Emitted(
            named.vehicle_plate, visit_id, revision, Outcome.RETRACTED, None, None, cause, position, successor
        )
    else:
        emitted = emitted_of(named.vehicle_plate, visit, revision, cause, position)
    ledger.count_emitted(last, emitted.outcome)
    if plate is not None:
        body = body_of(visit) if visit else (Outcome.RETRACTED, None, None)
        plate.emitted[visit_id] = LastEmitted(revision, *body, position)
        ledger.touched.add(named.vehicle_plate)
    ledger.emitted.append(emitted._replace(restated=True))


def _current(visit_id: str, visits: list[Visit], plate: Plate | None) -> Visit | None:
    """Return the visit, unless there is none or it waits for sightings still to come."""
    if plate is None or visit_id in plate.pending:
        return None
    return next((visit for visit in visits if visit.id == visit_id), None)


def _sighting(visit_id: str, plate: Plate | None, state: State) -> PlateSighting:
    """Return the sighting that gave the visit its id, or one made up of now."""
    for sighting in plate.sightings if plate is not None else ():
        if sighting.visit_id == visit_id:
            return sighting
    way, id_, at_us = event_of(visit_id) or (ENTRY, visit_id, state.clock.recorded_at_us)
    return PlateSighting(
        at_us=at_us,
        way=way,
        id=id_,
        rules=len(state.clock.rules) - 1,
        position=0,
        delay_us=0,
        gate="",
        published_at_us=None,
        traceparent=None,
    )
