"""Everything that is known of one record."""

from msgspec import Struct, structs, to_builtins
from parkstream_eventlog import EventLog, Record
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_projection import Reads, recorded_event_of
from parkstream_visits import Judged, RecordedEvent, Unreadable, judged

from parkstream_cli.bodies import as_lines
from parkstream_cli.connections import Opened
from parkstream_cli.errors import ToolError
from parkstream_cli.log.records import Shown
from parkstream_cli.output import at, lasting, line
from parkstream_cli.visits.explanations import rule_in_words


class Made(Struct, frozen=True, kw_only=True):
    """What the projection made of a record: the rule that applied, while the plate's sightings are remembered."""

    checkpoint: int
    says: str
    judged: Judged | None = None


class Known(Shown, frozen=True, kw_only=True):
    """A record, and what became of it."""

    age_seconds: float
    reads_as: dict[str, object] | None
    projection: Made


async def known(it: Opened, position: int) -> tuple[Record, Known]:
    """Return the record at *position* and all that is known of it; raise ``ToolError`` when there is none."""
    record = await record_at(it.log, position)
    fact = recorded_event_of(record)
    now_us = (await it.log.state()).now_us
    return record, Known(
        **structs.asdict(Shown.of(record, fact)),
        age_seconds=(now_us - record.recorded_at_us) / 1_000_000,
        reads_as=None if isinstance(fact.event, Unreadable) else to_builtins(fact.event),
        projection=await _made_of(it.reads, fact),
    )


async def record_at(log: EventLog, position: int) -> Record:
    """Return the record at *position*; raise ``ToolError`` when there is none."""
    end = (await log.state()).position
    if position > end:
        message = f"there is no record {position}: the log ends at {end}"
        raise ToolError(message)
    (record,) = await log.read(position - 1, 1)
    return record


def show(record: Record, found: Known) -> None:
    """Print what is known of *record* for people."""
    rows = {
        "type": record.type,
        "id": record.id,
        "recorded": f"{at(record.recorded_at_us)}, {lasting(int(found.age_seconds * 1_000_000))} ago",
        "published": "unknown" if record.published_at_us is None else at(record.published_at_us),
        "traceparent": record.traceparent or "none",
        "reads as": _reads_as(found),
        "made of it": found.projection.says,
    }
    line(f"record {record.position}")
    for name, value in rows.items():
        line(f"  {name:<12} {value}")
    line(f"  body, {len(record.body):,} bytes")
    for part in as_lines(record.body):
        line(f"    {part}")


def _reads_as(found: Known) -> str:
    if found.unreadable:
        return f"nothing, {found.unreadable.reason}: {found.unreadable.detail}"
    return ", ".join(f"{name} {value}" for name, value in (found.reads_as or {}).items())


async def _made_of(reads: Reads, fact: RecordedEvent) -> Made:
    present = await reads.state()
    event = fact.event
    if fact.position > present.checkpoint:
        return Made(checkpoint=present.checkpoint, says=f"nothing yet: the projection has got to {present.checkpoint}")
    if isinstance(event, Unreadable):
        listed = any(one.position == fact.position for one in present.clock.unreadable)
        says = "listed as unreadable" if listed else "nothing, and that was acknowledged"
        return Made(checkpoint=present.checkpoint, says=says)
    if not isinstance(event, VehicleEntered | VehicleExited):
        return Made(checkpoint=present.checkpoint, says="a decision: it moves what visits wait for, or the rules")
    present, plate = await reads.remembered(event.vehicle_plate)
    for one in judged(plate.sightings, present.clock.rules) if plate else ():
        if one.sighting.position == fact.position:
            return Made(checkpoint=present.checkpoint, says=rule_in_words(one), judged=one)
    forgotten = f"nothing that is remembered: final, or too late; parkstream visit {event.vehicle_plate} tells"
    return Made(checkpoint=present.checkpoint, says=forgotten)
