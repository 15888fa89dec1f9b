"""Parked summaries: all that are wanted, with the problem of each."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Self

from msgspec import Raw, Struct
from parkstream_events.sightings import moment_of
from parkstream_projection import Outbox, Parked


class Refused(Struct, frozen=True):
    """A summary that the server refused, and the body that was posted."""

    id: str
    visit_id: str
    revision: int
    problem: str
    parked_at: datetime
    age_seconds: float
    item: Raw

    @classmethod
    def of(cls, parked: Parked, now_us: int) -> Self:
        """Return *parked* as it is at *now_us*."""
        age_seconds = max(0, now_us - parked.parked_at_us) / 1_000_000
        parked_at = moment_of(parked.parked_at_us)
        return cls(parked.id, parked.key, parked.revision, parked.problem, parked_at, age_seconds, parked.item)


async def parked_in(outbox: Outbox, problem: str | None) -> AsyncIterator[Parked]:
    """Yield what is parked, each once; with *problem* only what was refused for one that contains it."""
    cursor, seen = "", set[str]()
    while cursor != "0":
        cursor, items = await outbox.parked_items(cursor or "0")
        for parked in items:
            if parked.id not in seen and (problem is None or problem in parked.problem):
                yield parked
            seen.add(parked.id)
