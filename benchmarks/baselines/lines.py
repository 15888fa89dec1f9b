"""The summary that both baselines post."""

from datetime import datetime

from parkstream_events import wire
from parkstream_events.sightings import VehicleExited
from parkstream_events.summaries import Outcome, SummaryItem, iso_duration


def line(
    exited: VehicleExited, entry: tuple[str, datetime] | None, traceparent: str | None, published_at_us: int
) -> bytes:
    """Return the POST item for a car that left; *entry* is its (id, time) when it was seen."""
    entered_at = entry[1] if entry else None
    duration_ms = int((exited.exit_date_time - entered_at).total_seconds() * 1000) if entered_at else None
    return wire.encode(
        SummaryItem(
            visit_id=f"exit:{exited.id}",
            revision=1,
            outcome=Outcome.COMPLETED if entry else Outcome.ENTRY_MISSED,
            vehicle_plate=exited.vehicle_plate,
            entry_date_time=entered_at,
            exit_date_time=exited.exit_date_time,
            duration=None if duration_ms is None else iso_duration(duration_ms),
            duration_ms=duration_ms,
            entry_event_id=entry[0] if entry else None,
            exit_event_id=exited.id,
            position=1,
            traceparent=traceparent,
            published_at_us=published_at_us,
        ),
    )
