"""Concurrent callers share one append: what arrives while a call is in flight goes into the next. No timer."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from parkstream_service.lifecycle import cancel
from parkstream_service.retry import OnRetry, report_nothing, retried

from parkstream_eventlog.log import APPEND_MAX, Candidate, EventLog, Outcome


class Waiting(NamedTuple):
    """What one caller wants appended, and where its outcomes go."""

    candidates: Sequence[Candidate]
    outcomes: asyncio.Future[list[Outcome]]


def _ignore(*_: object) -> None:
    """Watch nothing."""


class GroupCommit:
    """Appends to *log* for concurrent callers; use it as an async context manager, which ends what is still waiting.

    A transient error is retried until it passes or the group commit ends: appending twice changes nothing.
    ``on_commit(candidates, seconds)`` is called after each call, ``on_retry(error)`` before each retry.
    """

    def __init__(
        self,
        log: EventLog,
        *,
        size_max: int = APPEND_MAX,
        on_commit: Callable[[int, float], None] = _ignore,
        on_retry: OnRetry = report_nothing,
    ) -> None:
        self._log = log
        self._size_max = size_max
        self._on_commit = on_commit
        self._on_retry = on_retry
        self._waiting: deque[Waiting] = deque()
        self._working: asyncio.Task[None] | None = None
        self._ended = False

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, see ``end``."""
        await self.end()

    async def record(self, candidate: Candidate) -> Outcome:
        """Append *candidate* together with others; return when it is durable."""
        return (await self.record_many((candidate,)))[0]

    async def record_many(self, candidates: Sequence[Candidate]) -> list[Outcome]:
        """Append *candidates* together with others; return one outcome each when all are durable."""
        if self._ended:
            message = "this group commit has ended"
            raise RuntimeError(message)
        outcomes: asyncio.Future[list[Outcome]] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(candidates, outcomes))
        if self._working is None:
            self._working = asyncio.create_task(self._work(), name="group-commit")
        return await outcomes

    async def end(self) -> None:
        """Stop: cancel the call in flight and all who wait. What they sent may or may not be in the log."""
        self._ended = True
        if self._working is not None:
            await cancel(self._working)
        for _, outcomes in self._waiting:
            outcomes.cancel()
        self._waiting.clear()

    async def _work(self) -> None:
        group: list[Waiting] = []
        try:
            while group := self._next_group():
                await self._commit(group)
        finally:
            self._working = None
            for waiting in group:  # There are some only when this task is cancelled.
                waiting.outcomes.cancel()

    def _next_group(self) -> list[Waiting]:
        """Take who waits, in order, up to ``size_max`` candidates but at least one caller; skip who has gone."""
        group: list[Waiting] = []
        size = 0
        while self._waiting and (not group or size + len(self._waiting[0].candidates) <= self._size_max):
            waiting = self._waiting.popleft()
            if not waiting.outcomes.done():
                group.append(waiting)
                size += len(waiting.candidates)
        return group

    async def _commit(self, group: list[Waiting]) -> None:
        """Append a group and answer everyone; when it is refused, try each caller alone: one cannot fail the others."""
        try:
            outcomes = await self._append([candidate for waiting in group for candidate in waiting.candidates])
        except Exception as error:  # noqa: BLE001 (handed to the caller whose candidates were refused)
            await self._refused(group, error)
        else:
            _answer(group, outcomes)

    async def _refused(self, group: list[Waiting], error: Exception) -> None:
        if len(group) > 1:
            for waiting in group:
                await self._commit([waiting])
        elif not group[0].outcomes.done():
            group[0].outcomes.set_exception(error)

    async def _append(self, candidates: list[Candidate]) -> list[Outcome]:
        return await retried(lambda: self._append_once(candidates), on_retry=self._on_retry)

    async def _append_once(self, candidates: list[Candidate]) -> list[Outcome]:
        started = time.perf_counter()
        outcomes = await self._log.append(candidates)
        self._on_commit(len(candidates), time.perf_counter() - started)
        return outcomes


def _answer(group: list[Waiting], outcomes: list[Outcome]) -> None:
    """Give each caller its outcomes; who was cancelled meanwhile finds its records in the log at the next delivery."""
    start = 0
    for waiting in group:
        end = start + len(waiting.candidates)
        if not waiting.outcomes.done():
            waiting.outcomes.set_result(outcomes[start:end])
        start = end
