"""Where acts are done, one at a time: each is written to the log before, and what came of it is kept for a while."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

from msgspec import Struct
from parkstream_eventlog import EventLogError
from parkstream_messaging.errors import MessagingError
from parkstream_operations.acts import act_of, record
from parkstream_operations.written_log import MisdirectedError
from parkstream_projection import ProjectionError
from parkstream_projection.opened import NotFoundError, Opened
from parkstream_service.lifecycle import cancel
from parkstream_service.redis import is_transient
from parkstream_service.unreachable import UnreachableError

from parkstream_console.acts.work import ImpossibleError, Preview, Work

ENDED_MAX: Final = 20
PREVIEWS_MAX: Final = 50
PREVIEW_SECONDS: Final = 600.0
"""After this time what was seen is to be looked at once more."""
PATIENCE_SECONDS: Final = 3.0
"""For so long an answer waits for what was asked for; then it says that it goes on."""
EXPECTED: Final = (
    ImpossibleError,
    UnreachableError,
    MessagingError,
    MisdirectedError,
    EventLogError,
    ProjectionError,
    NotFoundError,
)


class Job(Struct, kw_only=True, eq=False):
    """An act or a look, while it is done and after; *position* is that of the act's record, 0 before it is there."""

    title: str
    who: str
    is_act: bool
    position: int = 0
    done: int = 0
    of: int = 0
    came_of_it: str = ""
    problem: str = ""
    ended: bool = False

    def reached(self, done: int, of: int) -> None:
        """Note how far it is."""
        self.done, self.of = done, of


class BusyError(Exception):
    """Something else is being done."""


class Desk:
    """Does what operators ask for.

    *opened_to_write* opens the log that the mark names, *report* hears of surprises, *changed* of each end.
    """

    def __init__(
        self,
        opened_to_write: Callable[[], Awaitable[Opened]],
        report: Callable[[BaseException], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._opened_to_write = opened_to_write
        self._report = report
        self._changed = changed
        self._task: asyncio.Task[None] | None = None
        self.job: Job | None = None
        """What is done now, or was last."""
        self.ended: Final[deque[Job]] = deque(maxlen=ENDED_MAX)
        self._previews: Final[dict[tuple[str, str], tuple[float, Preview]]] = {}

    def preview(self, work: Work) -> Preview | None:
        """Return what the last look at *work* has shown."""
        seen_at, preview = self._previews.get(work.key, (0.0, None))
        return preview if time.monotonic() - seen_at < PREVIEW_SECONDS else None

    async def look(self, who: str, work: Work) -> Job:
        """Look what *work* would do, and keep it; return after a moment, done or not. Raises ``BusyError``."""
        job = Job(title=f"Look: {work.title}", who=who, is_act=False)

        async def looked() -> str:
            found = await work.look(job.reached)
            self._keep(work, found)
            return found.says

        return await self._begin(job, looked())

    async def act(self, who: str, why: str, work: Work, seen: Preview) -> Job:
        """Do *work*, of which *who* has *seen* what it would do; return after a moment, done or not.

        Raises ``BusyError``.
        """
        job = Job(title=work.title, who=who, is_act=True)

        async def acted() -> str:
            it = await self._opened_to_write()
            job.position = await record(it, act_of(who, work.did, why, seen.about, seen.count))
            self._previews.pop(work.key, None)
            return await work.do(it, why, job.reached)

        return await self._begin(job, acted())

    async def stop(self) -> None:
        """Stop what is done now; each work can stop anywhere."""
        if self._task is not None:
            await cancel(self._task)

    def outcome(self, position: int) -> Job | None:
        """Return what came of the act whose record is at *position*, if it is still known."""
        return next((job for job in self.ended if job.position == position), None)

    def _keep(self, work: Work, found: Preview) -> None:
        self._previews.pop(work.key, None)
        self._previews[work.key] = time.monotonic(), found
        while len(self._previews) > PREVIEWS_MAX:
            self._previews.pop(next(iter(self._previews)))

    async def _begin(self, job: Job, coming: Coroutine[Any, Any, str]) -> Job:
        if self._task is not None and not self._task.done():
            coming.close()
            raise BusyError
        self.job = job
        self._task = asyncio.create_task(self._run(job, coming))
        await asyncio.wait({self._task}, timeout=PATIENCE_SECONDS)
        return job

    async def _run(self, job: Job, coming: Coroutine[Any, Any, str]) -> None:
        try:
            job.came_of_it = await coming
        except EXPECTED as error:
            job.problem = str(error)
        except Exception as error:  # noqa: BLE001 - it is shown, and reported
            job.problem = f"Redis does not answer ({type(error).__name__}): look whether it was done"
            if not is_transient(error):
                job.problem = "it failed, see the log of the console: look whether it was done"
                self._report(error)
        finally:
            job.ended = True
            self.ended.appendleft(job)
            self._changed()
