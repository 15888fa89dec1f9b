"""What a process does for as long as it lives: background tasks, and how they are stopped."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from parkstream_service.explanation import described

CANCEL_AGAIN_SECONDS: Final = 0.5


class EndedError(Exception):
    """A task ended that should go on for ever."""


def cancellations() -> int:
    """Return how often the task at work was cancelled."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def asked_to_stop() -> bool:
    """Whether the task at work was cancelled: a loop around a library asks, because that may have lost it."""
    return cancellations() > 0


async def cancel(*tasks: asyncio.Task[Any]) -> None:
    """Cancel *tasks*, and return when all have ended.

    It is asked for again and again: before Python 3.12 redis-py may lose a cancellation (in ``asyncio.wait_for``).
    """
    while running := [task for task in tasks if not task.done()]:
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)


def _ignore() -> None:
    """End nothing."""


class BackgroundTasks:
    """The tasks of a process. When one fails, ``report(name, error)`` is called, once, and then ``end_process()``."""

    def __init__(
        self, report: Callable[[str, BaseException], None], *, end_process: Callable[[], None] = _ignore
    ) -> None:
        self.failed: Final[dict[str, str]] = {}
        """Task to what it failed with."""
        self.end_process = end_process
        self._report = report
        self._tasks: Final[list[asyncio.Task[None]]] = []
        self._may_end: Final[set[str]] = set()
        self._stopping: Final[set[str]] = set()

    def start(self, name: str, work: Coroutine[Any, Any, None], *, may_end: bool = False) -> asyncio.Task[None]:
        """Run *work* until ``stop``; that it ends before is a failure unless it *may_end*."""
        if may_end:
            self._may_end.add(name)
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)
        return task

    def fail(self, name: str, error: BaseException) -> None:
        """Note that *name* cannot go on, and end the process."""
        if name not in self.failed:
            self.failed[name] = described(error)
            self._report(name, error)
        self.end_process()

    async def stop(self, *names: str) -> None:
        """Stop the tasks of these *names*, or all, wherever they are: each can stop anywhere."""
        stopped = [task for task in self._tasks if not names or task.get_name() in names]
        self._stopping.update(task.get_name() for task in stopped)
        await cancel(*stopped)

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = task.get_name()
        if task.cancelled():
            if name not in self._stopping:
                self.fail(name, asyncio.CancelledError("cancelled from outside"))
        elif (error := task.exception()) is not None:
            self.fail(name, error)
        elif name not in self._stopping | self._may_end:
            self.fail(name, EndedError("without a reason"))
