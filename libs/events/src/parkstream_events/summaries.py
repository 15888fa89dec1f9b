"""What is written when a visit ends: one line per (visit, revision)."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

REVISION_MAX = 2**31
VISIT_ID_LENGTH_MAX = 230
"""A direction, an event id of at most 200 characters, and a time."""
DUPLICATES_LISTED_MAX = 10
POSITION_MAX = 10**14
"""What a log reaches in 400 years at 8,000 records a second."""
DURATION_MS_MAX = 10_000 * 366 * 24 * 3_600_000
"""Longer than any two times lie apart."""
PUBLISHED_AT_US_MAX = 2**53
SENT_AT_HEADER = "x-sent-at-us"
"""On a POST: when its summaries were taken to be delivered (microseconds since 1970, UTC)."""
TRACEPARENT = r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$(?!\n)"
"""To Python ``$`` is also before a newline that ends the text."""


class Outcome(StrEnum):
    """How a visit ended."""

    COMPLETED = "completed"
    ENTRY_MISSED = "entry_missed"
    EXIT_MISSED = "exit_missed"
    RETRACTED = "retracted"


class Summary(Struct, frozen=True, kw_only=True):
    """One revision of a visit, as it stands in the summary file; the greatest revision is current.

    ``duration`` is ISO 8601 (``PT1H30M``); ``position`` is that of the record that caused the revision. The duplicate
    reads that were known by then are counted, and the first of them listed; a later one makes no revision.
    """

    visit_id: Annotated[str, Meta(min_length=1, max_length=VISIT_ID_LENGTH_MAX)]
    revision: Annotated[int, Meta(ge=1, le=REVISION_MAX)]
    outcome: Outcome
    vehicle_plate: Annotated[str, Meta(min_length=1, max_length=64)]
    entry_date_time: Annotated[datetime, Meta(tz=True)] | None
    exit_date_time: Annotated[datetime, Meta(tz=True)] | None
    duration: str | None
    duration_ms: Annotated[int, Meta(ge=0, le=DURATION_MS_MAX)] | None
    entry_event_id: str | None
    exit_event_id: str | None
    position: Annotated[int, Meta(ge=1, le=POSITION_MAX)]
    superseded_by: str | None = None
    duplicate_reads: Annotated[int, Meta(ge=0, le=POSITION_MAX)] = 0
    duplicate_event_ids: Annotated[tuple[str, ...], Meta(max_length=DUPLICATES_LISTED_MAX)] = ()


class SummaryItem(Summary, frozen=True, kw_only=True):
    """A summary on its way to the file: with the trace that it belongs to.

    ``published_at_us``: when the sighting that caused this revision was published (microseconds since 1970, UTC).
    """

    traceparent: Annotated[str, Meta(pattern=TRACEPARENT)] | None = None
    published_at_us: Annotated[int, Meta(ge=0, le=PUBLISHED_AT_US_MAX)] | None = None


class ItemStatus(StrEnum):
    """What became of one posted summary."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    CONFLICT = "conflict"
    INVALID = "invalid"


class ItemResult(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one posted summary; ``problem`` says what is wrong when it was not kept."""

    visit_id: str
    revision: int
    status: ItemStatus
    problem: str | None = None


class PostResults(Struct, frozen=True):
    """The body of the answer to ``POST /v1/summaries``: one result per item, in the order of the request."""

    results: list[ItemResult]


def iso_duration(milliseconds: int) -> str:
    """Return *milliseconds* (≥ 0) as an ISO 8601 duration: ``PT1H30M``, ``PT0.25S``, ``PT0S``."""
    seconds, ms = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    fraction = f".{ms:03}".rstrip("0") if ms else ""
    tail = f"{seconds}{fraction}S" if seconds or ms or not (hours or minutes) else ""
    return f"PT{f'{hours}H' if hours else ''}{f'{minutes}M' if minutes else ''}{tail}"
