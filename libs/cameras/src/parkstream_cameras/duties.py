"""Tasks that run as long as their process, which ends when one of them fails."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


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
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._on_failure(task.get_name(), error)
