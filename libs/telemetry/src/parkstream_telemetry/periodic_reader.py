"""Reads every few seconds what has added up, in a thread of its own."""

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic

ABORT_SECONDS = 0.1


class PeriodicReader:
    """Calls *act* every *seconds*, and once more when closed if it is wanted *at_end*."""

    def __init__(
        self,
        name: str,
        seconds: float,
        act: Callable[[], None],
        abort: Callable[[], None] = lambda: None,
        *,
        at_end: bool = False,
    ) -> None:
        self._seconds = seconds
        self._act = act
        self._abort = abort
        self._at_end = at_end
        self._closing = Event()
        self._thread = Thread(target=self._work, name=f"{name} reader", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop, after what is being done."""
        self._closing.set()

    def join(self, deadline: float) -> None:
        """Return when it has stopped or *deadline* (``monotonic``) has passed."""
        self._thread.join(max(0.0, deadline - monotonic()))
        self._abort()
        self._thread.join(ABORT_SECONDS)

    def _work(self) -> None:
        while not self._closing.wait(self._seconds):
            self._act()
        if self._at_end:
            self._act()
