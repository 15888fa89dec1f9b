"""An event loop in a thread of its own: what runs there serves tests that block as well as those that do not."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any


class LoopThread:
    """Runs coroutines and changes for other threads, until ``close``."""

    def __init__(self, name: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=name, daemon=True)
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever it returns
        """Return what *coroutine* does."""
        return self.begin(coroutine).result()

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Start *coroutine*, and return its future at once."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def do(self, change: Callable[[], object]) -> None:
        """Make *change* where nothing else runs meanwhile."""

        async def changed() -> None:
            change()

        self.call(changed())

    def close(self) -> None:
        """Stop the loop."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
