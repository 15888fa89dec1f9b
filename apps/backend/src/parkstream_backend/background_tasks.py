"""Runs what a process has to do for as long as it lives; a duty that ends has failed, and takes the process with it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from parkstream_eventlog import delays_seconds, is_transient
from parkstream_telemetry import Telemetry, names

ResultT = TypeVar("ResultT")
CANCEL_AGAIN_SECONDS: Final = 0.5


class Duties:
    """The tasks of this process; ``give_up`` is called when one of them fails, to end it."""

    def __init__(self, telemetry: Telemetry, give_up: Callable[[], None] = lambda: None) -> None:
        self.failed: Final[dict[str, str]] = {}
        """Duty to what it failed with."""
        self.give_up = give_up
        self._telemetry = telemetry
        self._tasks: Final[dict[str, asyncio.Task[None]]] = {}

    def take_up(self, name: str, duty: Coroutine[Any, Any, None]) -> None:
        """Run *duty* until ``put_down``."""
        task = asyncio.create_task(duty, name=name)
        task.add_done_callback(self._ended)
        self._tasks[name] = task

    def fail(self, name: str, error: BaseException) -> None:
        """Note that *name* cannot go on, and end the process."""
        if name not in self.failed:
            self.failed[name] = f"{type(error).__name__}: {error}"
            self._telemetry.log(names.EVENT_TASK_FAILED, task=name, error=error)
        self.give_up()

    async def put_down(self) -> None:
        """Stop all duties, wherever they are: each can stop anywhere.

        Before Python 3.12 redis-py may lose a cancellation (in ``asyncio.wait_for``), so it is asked for again.
        """
        working = set(self._tasks.values())
        self._tasks.clear()
        for task in working:
            task.remove_done_callback(self._ended)
        while working:
            for task in working:
                task.cancel()
            _, working = await asyncio.wait(working, timeout=CANCEL_AGAIN_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if task.cancelled():
            error: BaseException = asyncio.CancelledError("cancelled from outside")
        else:
            error = task.exception() or RuntimeError("ended without a reason")
        self.fail(task.get_name(), error)


def going_on() -> bool:
    """Whether nobody has cancelled this task: a loop around Redis asks, because the cancellation may have been lost."""
    task = asyncio.current_task()
    return task is None or not task.cancelling()


async def patiently(call: Callable[[], Awaitable[ResultT]], on_retry: Callable[[Exception, float], None]) -> ResultT:
    """Return what *call* gives, after as many tries as it takes while Redis is away."""
    for delay_seconds in delays_seconds():
        try:
            return await call()
        except Exception as error:
            if not is_transient(error):
                raise
            on_retry(error, delay_seconds)
            await asyncio.sleep(delay_seconds)
    raise AssertionError
