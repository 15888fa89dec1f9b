"""A circuit breaker: while the other side is away, one try at a time finds out whether it is back."""

import asyncio
import random
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

FAILURES_MAX: Final = 5
OPEN_SECONDS: Final = 0.5
OPEN_SECONDS_MAX: Final = 2.0


class BreakerState(StrEnum):
    """What the breaker lets through: everything, nothing, or one try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


def _ignore(*_: object) -> None:
    """Tell nobody."""


class Breaker:
    """Opens after *failures_max* failures in a row, or at once when told so; closes with the first success.

    *clock* returns seconds. The pause doubles from *open_seconds* up to *open_seconds_max*, with jitter.
    """

    def __init__(
        self,
        *,
        failures_max: int = FAILURES_MAX,
        open_seconds: float = OPEN_SECONDS,
        open_seconds_max: float = OPEN_SECONDS_MAX,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[BreakerState, str], None] = _ignore,
    ) -> None:
        self.state = BreakerState.CLOSED
        self.reason = ""
        self._failures_max = failures_max
        self._open_seconds = open_seconds
        self._open_seconds_max = open_seconds_max
        self._clock = clock
        self._on_change = on_change
        self._failures = 0
        self._retry_at = 0.0
        self._changed = asyncio.Event()

    async def admitted(self) -> None:
        """Return when a try may be made; whoever is let through must say how it went."""
        while not self._admits():
            self._changed.clear()
            try:
                async with asyncio.timeout(self._wait_seconds()):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def succeeded(self) -> None:
        """Close, because a try went through."""
        self._failures = 0
        self._become(BreakerState.CLOSED, "")

    def failed(self, reason: str, *, at_once: bool = False, pause_seconds: float = 0.0) -> None:
        """Note that a try failed because of *reason*; open when that is one too many, or *at_once*."""
        self._failures += 1
        if not at_once and self.state is BreakerState.CLOSED and self._failures < self._failures_max:
            return
        doublings = max(0, self._failures - self._failures_max)
        pause = min(self._open_seconds * 2.0 ** min(doublings, 16), self._open_seconds_max)
        pause *= random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret
        self._retry_at = self._clock() + max(pause, pause_seconds)
        self._become(BreakerState.OPEN, reason)

    def released(self) -> None:
        """Note that a try was given up without an answer; the next may be made."""
        if self.state is BreakerState.HALF_OPEN:
            self._become(BreakerState.OPEN, self.reason)

    def _admits(self) -> bool:
        if self.state is BreakerState.OPEN and self._clock() >= self._retry_at:
            self.state = BreakerState.HALF_OPEN
            return True
        return self.state is BreakerState.CLOSED

    def _wait_seconds(self) -> float | None:
        return max(0.0, self._retry_at - self._clock()) if self.state is BreakerState.OPEN else None

    def _become(self, state: BreakerState, reason: str) -> None:
        was_closed = self.state is BreakerState.CLOSED
        self.state = state
        self.reason = reason
        self._changed.set()
        if was_closed != (state is BreakerState.CLOSED):
            self._on_change(state, reason)
