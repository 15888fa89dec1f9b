"""A plate's story, printed for people."""

from parkstream_cli.output import line
from parkstream_cli.visits.answers import Answer, Answers, Said, Sighting


def tell(found: Answers) -> None:
    """Print the visits of a plate, each with its records and its revisions."""
    for nth, visit in enumerate(found.visits):
        if nth:
            line()
        _tell_visit(visit)
    if found.other_sightings:
        line()
        line(f"{found.vehicle_plate}: in no visit")
        for seen in found.other_sightings:
            _tell_sighting(seen)


def _tell_visit(visit: Answer) -> None:
    revision = visit.revisions[-1] if visit.revisions else None
    stay = f", {revision.duration}" if revision and revision.duration else ""
    state = f"{revision.outcome} (revision {revision.revision}){stay}" if revision else "not said yet"
    line(f"{visit.visit_id}  {visit.vehicle_plate}  {state}")
    for seen in visit.sightings:
        _tell_sighting(seen)
    for said in visit.revisions:
        _tell_revision(said)
    if visit.waits:
        line(f"  waits       {visit.waits.why}")


def _tell_sighting(seen: Sighting) -> None:
    happened, recorded = f"{seen.happened_at:%Y-%m-%d %H:%M:%S.%f}Z", f"{seen.recorded_at:%H:%M:%S.%f}Z"
    line(f"  record {seen.position}  {seen.direction} {seen.event_id}  {happened}, recorded {recorded}")
    line(f"              {seen.why}")
    line(f"              trace {_trace(seen.traceparent)}")


def _tell_revision(said: Said) -> None:
    line(f"  revision {said.revision}  {said.outcome}  at record {said.position}, {said.said_at:%Y-%m-%d %H:%M:%S.%f}Z")
    line(f"              {said.why}")
    line(f"              trace {_trace(said.traceparent)}")


def _trace(traceparent: str | None) -> str:
    return traceparent.split("-")[1] if traceparent else "none"
