"""``parkstream visit``: what became of a car, and why, out of the records of the log."""

from typing import Annotated

from cyclopts import Parameter
from msgspec import structs
from parkstream_operations.acts import acts_about
from parkstream_projection.questions.plate_story import Asked, asked_for, story_of
from parkstream_projection.questions.story_in_words import Answer, EmittedRevision, Sighting, answers, names_in
from parkstream_telemetry.tracecontext import trace_id_of, valid_traceparent

from parkstream_cli.arguments import plate_of
from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import ToolError
from parkstream_cli.output import AsJson, as_json, line, note
from parkstream_cli.progress import progress

VISIT_IDS = ("entry:", "exit:")


async def visit(
    plate_or_visit: Annotated[str, Parameter(help="A plate, or a visit's id as in the summary file.")],
    /,
    *,
    json: AsJson = False,
) -> None:
    """Explain a car's visits: which records they rest on, what was emitted, and why. Only reads.

    Few records are read while the plate is remembered (its visits are not final yet); else as many as a stay may span.
    """
    visit_id = plate_or_visit if plate_or_visit.startswith(VISIT_IDS) else None
    async with opened(settings_here()) as it:
        with progress("reading") as reached:
            plate = Asked(plate_of(plate_or_visit), None) if visit_id is None else None
            asked = plate or await asked_for(it, plate_or_visit, reached, note)
        with progress("reading") as reached:
            found = answers(await story_of(it, asked, reached, note), visit_id)
        acts = await acts_about(it, names_in(found))
    if not found.visits and not found.other_sightings:
        message = f"no sighting of {asked.plate} is recorded"
        raise ToolError(message)
    if json:
        as_json({**structs.asdict(found), "acts": acts})
        return
    for nth, one in enumerate(found.visits):
        if nth:
            line()
        _show_visit(one)
    if found.other_sightings:
        line()
        line(f"{found.vehicle_plate}: in no visit")
        for seen in found.other_sightings:
            _show_sighting(seen)
    for done in acts:
        line()
        line(f"{done.act.who} {done.act.what}, by record {done.position}, {done.recorded_at:%Y-%m-%d %H:%M:%S}Z")
        line(f"              {done.act.why}")


def _show_visit(visit: Answer) -> None:
    revision = visit.revisions[-1] if visit.revisions else None
    stay = f", {revision.duration}" if revision and revision.duration else ""
    state = f"{revision.outcome} (revision {revision.revision}){stay}" if revision else "pending"
    line(f"{visit.visit_id}  {visit.vehicle_plate}  {state}")
    for seen in visit.sightings:
        _show_sighting(seen)
    for revision in visit.revisions:
        _show_revision(revision)
    if visit.waits:
        line(f"  waits       {visit.waits.why}")


def _show_sighting(seen: Sighting) -> None:
    happened, recorded = f"{seen.happened_at:%Y-%m-%d %H:%M:%S.%f}Z", f"{seen.recorded_at:%H:%M:%S.%f}Z"
    gate = f" at gate {seen.gate}" if seen.gate else ""
    line(f"  record {seen.position}  {seen.direction} {seen.event_id}{gate}  {happened}, recorded {recorded}")
    line(f"              {seen.why}")
    line(f"              trace {_trace(seen.traceparent)}")


def _show_revision(one: EmittedRevision) -> None:
    line(f"  revision {one.revision}  {one.outcome}  at record {one.position}, {one.emitted_at:%Y-%m-%d %H:%M:%S.%f}Z")
    line(f"              {one.why}")
    line(f"              trace {_trace(one.traceparent)}")


def _trace(traceparent: str | None) -> str:
    valid = valid_traceparent(traceparent)
    return trace_id_of(valid) if valid else traceparent or "none"
