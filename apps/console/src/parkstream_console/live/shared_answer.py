"""One answer for all who ask: however many look, one looks at a time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from parkstream_service.lifecycle import cancel

AnswerT = TypeVar("AnswerT")
PATIENCE_SECONDS: Final = 4.0


class LateError(Exception):
    """There is no answer yet; it is still being looked for."""

    def __init__(self) -> None:
        super().__init__("there is no answer yet, and it is still being looked for")


class SharedAnswer(Generic[AnswerT]):
    """What *ask* answered last, or raised: it is asked anew by one for all, when that is older than *fresh_seconds*.

    Nobody waits longer than *patience_seconds*. Who leaves meanwhile ends nothing for the others.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[AnswerT]],
        fresh_seconds: float,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self._ask = ask
        self._patience_seconds = patience_seconds
        self._fresh_seconds = fresh_seconds
        self._task: asyncio.Task[AnswerT] | None = None
        self._running: Final[set[asyncio.Task[AnswerT]]] = set()
        self._ended_at = 0.0

    async def __call__(self) -> AnswerT:
        """Return the answer, or raise what was raised instead; ``LateError`` when there is neither yet."""
        task = self._task
        if task is None or (task.done() and time.monotonic() - self._ended_at > self._fresh_seconds):
            task = self._task = asyncio.create_task(self._asked())
            self._running.add(task)
            task.add_done_callback(self._ended)
        await asyncio.wait({task}, timeout=self._patience_seconds)
        if not task.done():
            raise LateError
        return task.result()

    def forget(self) -> None:
        """Let the next one ask anew: something was changed."""
        self._task = None

    async def stop(self) -> None:
        """Stop asking."""
        await cancel(*self._running)

    async def _asked(self) -> AnswerT:
        return await self._ask()

    def _ended(self, task: asyncio.Task[AnswerT]) -> None:
        self._running.discard(task)
        self._ended_at = time.monotonic()
        if not task.cancelled():
            task.exception()  # Whoever asked for it may have left.
