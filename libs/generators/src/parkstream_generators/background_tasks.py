"""Tasks that run as long as their process, which ends when one of them fails."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

AGAIN_SECONDS = 1.0


def asked_to_stop() -> bool:
    """Return whether the task at work was cancelled.

    Libraries lose cancellations, and raise some of their own: before Python 3.12, ``asyncio.wait_for`` (redis-py sends
    through it) returns what is done when it is cancelled; aiormq cancels who waits for a confirm when a channel dies.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


class Duties:
    """Runs tasks; ``on_failure(name, error)`` is told when one raises."""

    def __init__(self, on_failure: Callable[[str, BaseException], None]) -> None:
        self._on_failure = on_failure
        self._tasks: list[asyncio.Task[None]] = []

    def take_up(self, name: str, duty: Coroutine[Any, Any, None]) -> None:
        """Run *duty* until it returns, fails or is put down."""
        task = asyncio.create_task(duty, name=name)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    async def put_down(self) -> None:
        """Cancel all that still run, and wait until they have ended."""
        running = set(self._tasks)
        while running := {task for task in running if not task.done()}:
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=AGAIN_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(task.get_name(), error)
