"""What is said of a visit, and the summary that is written of it."""

from typing import NamedTuple

from parkstream_events.sightings import moment_of
from parkstream_events.summaries import Outcome, SummaryItem, iso_duration

from parkstream_visits.plate_visits import Seen


class Spoken(NamedTuple):
    """One revision of a visit."""

    plate: str
    visit_id: str
    revision: int
    outcome: Outcome
    entry: Seen | None
    exit: Seen | None
    cause: Seen
    """The sighting that caused this revision: whose trace goes on, and from whose publishing latency counts."""
    position: int
    """Of the record that was folded when it was said."""
    superseded_by: str | None
    restated: bool = False
    """Whether a decision says it again: then its cause is long past, and neither its trace nor its latency goes on."""


def summary_of(spoken: Spoken) -> SummaryItem:
    """Return the summary of *spoken*, with its trace context."""
    entry, exit_ = spoken.entry, spoken.exit
    duration_ms = (exit_.at_us - entry.at_us) // 1000 if entry and exit_ else None
    return SummaryItem(
        visit_id=spoken.visit_id,
        revision=spoken.revision,
        outcome=spoken.outcome,
        vehicle_plate=spoken.plate,
        entry_date_time=moment_of(entry.at_us) if entry else None,
        exit_date_time=moment_of(exit_.at_us) if exit_ else None,
        duration=None if duration_ms is None else iso_duration(duration_ms),
        duration_ms=duration_ms,
        entry_event_id=entry.id if entry else None,
        exit_event_id=exit_.id if exit_ else None,
        position=spoken.position,
        superseded_by=spoken.superseded_by,
        traceparent=spoken.cause.traceparent,
        published_at_us=None if spoken.restated else spoken.cause.published_at_us,
    )
