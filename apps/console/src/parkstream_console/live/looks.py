"""Looks at Redis and at the summary API."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from msgspec import Struct, structs
from parkstream_eventlog import position_at
from parkstream_eventlog.prefetch import records_of
from parkstream_events.summaries import Summary
from parkstream_events.units import MINUTE_US
from parkstream_projection.codec import recorded_event_of
from parkstream_projection.opened import Opened
from parkstream_projection.store import OtherRulesError
from parkstream_service.client import ServiceClient
from parkstream_service.redis import is_transient
from parkstream_service.unreachable import UnreachableError
from parkstream_visits import RecordedEvent

from parkstream_console.live.figures import Figures, Percentiles, SummaryFile
from parkstream_console.live.history import MINUTES, History

REDIS: Final = "redis"
SUMMARY_API: Final = "summary_api"
FEED: Final = 20
RECORDS_MAX: Final = 200_000
"""How many records are read at most for the minutes before this process began."""
REST_EVERY: Final = 500
"""After so many records others have their turn: nobody waits for the past."""


class _Stats(Struct):
    lines: int
    position: int
    exit_to_disk_ms: Percentiles


class _Page(Struct):
    summaries: list[Summary]


class Looks:
    """Looks at *it* and at the summary API at *summary_url*; *failed* hears of whoever does not answer."""

    def __init__(
        self, it: Opened, client: ServiceClient, summary_url: str, failed: Callable[[str], None] = lambda _: None
    ) -> None:
        self._failed = failed
        self._it = it
        self._client = client
        self._summary_url = summary_url.rstrip("/")
        self._history = History(_now_us())
        self._last = Figures(
            at_us=_now_us(),
            present=None,
            position=0,
            outbox_depth=0,
            parked=0,
            minutes=[],
            minutes_begun_us=_now_us(),
            outcomes=self._history.outcomes(_now_us()),
            outcomes_begun_us=_now_us(),
            summaries=SummaryFile(problem="nobody has asked yet"),
        )

    async def __call__(self) -> Figures:
        """Return what there is now; who is away is named, and what was last known of it stays."""
        seen, summaries = await asyncio.gather(self._look_at_redis(), self._look_at_summaries())
        self._last = structs.replace(seen, at_us=_now_us(), summaries=summaries)
        return self._last

    async def recall(self) -> None:
        """Take in the minutes before the first look, once; they stay unknown where the log is not whole here."""
        now_us = _now_us()
        first = await position_at(self._it.log, now_us - MINUTES * MINUTE_US)
        last = self._history.begun_at
        oldest = max(first, last - RECORDS_MAX + 1)
        since_us = now_us - MINUTES * MINUTE_US
        if oldest > first:
            (record,) = await self._it.log.read(oldest - 1, 1)
            since_us = record.recorded_at_us
        async with aclosing(self._past(oldest, last)) as past:
            await self._history.take_in(past, since_us)

    async def _past(self, first: int, last: int) -> AsyncGenerator[RecordedEvent, None]:
        async with aclosing(records_of(self._it.log, first - 1, last, lambda _: None)) as records:
            async for record in records:
                if record.position % REST_EVERY == 0:
                    await asyncio.sleep(0)
                yield recorded_event_of(record)

    async def _look_at_redis(self) -> Figures:
        try:
            present = await self._it.reads.state()
            position = (await self._it.log.state()).position
            depth, parked = await self._it.outbox.depth(), await self._it.outbox.parked()
        except OtherRulesError as error:
            self._failed(REDIS)
            return structs.replace(
                self._last, problem=f"Another version of the program is at work on the visits: {error}"
            )
        except Exception as error:
            if not is_transient(error):
                raise
            self._failed(REDIS)
            return structs.replace(self._last, problem=f"Redis does not answer ({type(error).__name__})")
        now_us = _now_us()
        self._history.look(now_us, present.counters, present.checkpoint, self._it.reads.version)
        return structs.replace(
            self._last,
            present=present,
            position=max(position, present.checkpoint),
            outbox_depth=depth,
            parked=parked,
            minutes=self._history.minutes(now_us),
            minutes_begun_us=self._history.begun_us,
            outcomes=self._history.outcomes(now_us),
            outcomes_begun_us=self._history.outcomes_begun_us,
            problem="",
        )

    async def _look_at_summaries(self) -> SummaryFile:
        before = self._last.summaries
        try:
            stats = await self._client.get(f"{self._summary_url}/v1/stats", _Stats)
            newest = before.newest
            if stats.lines != before.lines:
                asked = f"{self._summary_url}/v1/summaries?newest=true&current=false&limit={FEED}"
                newest = (await self._client.get(asked, _Page)).summaries[::-1]
        except UnreachableError as error:
            self._failed(SUMMARY_API)
            return structs.replace(before, problem=str(error))
        return SummaryFile(
            lines=stats.lines, position=stats.position, exit_to_disk_ms=stats.exit_to_disk_ms, newest=newest
        )


def _now_us() -> int:
    return time.time_ns() // 1_000
