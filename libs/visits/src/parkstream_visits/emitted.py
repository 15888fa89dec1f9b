"""What is emitted of a visit, and the summary that is written of it."""

from typing import NamedTuple

from parkstream_events.sightings import moment_of
from parkstream_events.summaries import Outcome, SummaryItem, iso_duration

from parkstream_visits.plate_visits import PlateSighting


class Emitted(NamedTuple):
    """One revision of a visit."""

    plate: str
    visit_id: str
    revision: int
    outcome: Outcome
    entry: PlateSighting | None
    exit: PlateSighting | None
    cause: PlateSighting
    """The sighting that caused this revision: whose trace goes on, and from whose publishing latency counts."""
    position: int
    """Of the record that was folded when it was emitted."""
    superseded_by: str | None
    duplicate_reads: int = 0
    duplicate_ids: tuple[str, ...] = ()
    """Of the first of them."""
    restated: bool = False
    """Whether a decision restated it: then its cause is long past, and neither its trace nor its latency goes on."""


def summary_of(emitted: Emitted) -> SummaryItem:
    """Return the summary of *emitted*; whoever posts it adds the trace context."""
    entry, exit_ = emitted.entry, emitted.exit
    duration_ms = (exit_.at_us - entry.at_us) // 1000 if entry and exit_ else None
    return SummaryItem(
        visit_id=emitted.visit_id,
        revision=emitted.revision,
        outcome=emitted.outcome,
        vehicle_plate=emitted.plate,
        entry_date_time=moment_of(entry.at_us) if entry else None,
        exit_date_time=moment_of(exit_.at_us) if exit_ else None,
        duration=None if duration_ms is None else iso_duration(duration_ms),
        duration_ms=duration_ms,
        entry_event_id=entry.id if entry else None,
        exit_event_id=exit_.id if exit_ else None,
        position=emitted.position,
        superseded_by=emitted.superseded_by,
        duplicate_reads=emitted.duplicate_reads,
        duplicate_event_ids=emitted.duplicate_ids,
        published_at_us=None if emitted.restated else emitted.cause.published_at_us,
    )
