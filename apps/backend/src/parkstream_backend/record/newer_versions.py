"""Sightings of versions that this program does not know: back to the queue, where a newer backend can take them.

| who can read it                                  | what is done                                                     |
|--------------------------------------------------|------------------------------------------------------------------|
| a newer program has recorded to this log         | it goes back to its queue after a moment, again and again        |
| … and as many wait here as may                   | dead letters, so that the others in the queue go on              |
| nobody ever could                                | dead letters, to be redriven once the backends are newer         |
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final

from parkstream_events.wire import is_newer
from parkstream_service.http import Notice
from parkstream_service.retry import OnRetry, report_nothing, retried

from parkstream_backend.readable_types import nobody

WAITING_MAX: Final = 500
"""At once; half of what may wait unacknowledged beside the prefetch."""
PAUSE_SECONDS: Final = 0.5
"""For how long one waits, so that a queue that only older backends consume does not go round and round."""


class NewerVersions:
    """Decides about them; *by_newer* says whether a newer program can read a type."""

    def __init__(self, by_newer: Callable[[str], Awaitable[bool]] = nobody, on_retry: OnRetry = report_nothing) -> None:
        self._by_newer = by_newer
        self._on_retry = on_retry
        self._waiting: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._refused_since: datetime | None = None

    async def takes(self, type_: str) -> bool:
        """Return, after a moment, whether what is of *type_* goes back to its queue for a newer program."""
        if not is_newer(type_):
            return False
        if self._waiting.total() < WAITING_MAX and await retried(
            lambda: self._by_newer(type_), on_retry=self._on_retry
        ):
            self._waiting[type_] += 1
            try:
                await asyncio.sleep(PAUSE_SECONDS)
            finally:
                self._waiting[type_] -= 1
            return True
        self._refused[type_] += 1
        self._refused_since = self._refused_since or datetime.now(UTC)
        return False

    async def notice(self) -> Notice:
        """Say which are waiting here for a newer backend, and which became dead letters since this process started."""
        found = [f"{count} of {type_} wait for a newer backend" for type_, count in sorted((+self._waiting).items())]
        if self._refused_since is not None:
            refused = ", ".join(f"{count} of {type_}" for type_, count in self._refused.most_common(3))
            since = self._refused_since.isoformat(timespec="seconds")
            found.append(
                f"{refused} became dead letters since {since}: this program does not know the version; "
                "renew the backends, then `parkstream dead-letters redrive --reason unknown_type`"
            )
        return Notice("; ".join(found))
