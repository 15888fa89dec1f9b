"""Summaries for tests of summary-api."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from parkstream_events.summaries import Outcome, SummaryItem
from parkstream_events.wire import encode

NINE = datetime(2026, 1, 31, 9, tzinfo=UTC)


def item(visit: str | int = 1, revision: int = 1, **changes: Any) -> SummaryItem:
    """Return a completed visit of one hour, with *changes*."""
    values: dict[str, Any] = {
        "visit_id": f"exit:{visit}",
        "revision": revision,
        "outcome": Outcome.COMPLETED,
        "vehicle_plate": "ABC123",
        "entry_date_time": NINE,
        "exit_date_time": NINE + timedelta(hours=1),
        "duration": "PT1H",
        "duration_ms": 3_600_000,
        "entry_event_id": f"entry-{visit}",
        "exit_event_id": f"exit-{visit}",
        "position": 1,
    }
    return SummaryItem(**values | changes)


def body(*items: SummaryItem) -> bytes:
    """Return the array to be posted."""
    return encode(list(items))


def lines_of(content: bytes) -> list[dict[str, Any]]:
    """Return the summaries in a file's *content*; fail when a line is torn."""
    assert content == b"" or content.endswith(b"\n")
    return [msgspec.json.decode(line) for line in content.splitlines()]
