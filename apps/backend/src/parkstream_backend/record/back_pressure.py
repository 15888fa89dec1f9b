"""Back-pressure: while recording is paused, deliveries stay unacknowledged and the rest waits in RabbitMQ.

At most the prefetch of each queue waits here; nothing is cancelled, so nothing must be restored.
"""

import asyncio
from collections.abc import Mapping
from typing import Final

MEMORY_SHARE_MAX: Final = 0.8
RESUME_SHARE: Final = 0.9
"""A figure that paused recording must fall below this share of its limit before recording is resumed."""


class BackPressure:
    """Recording is paused for as long as there is a reason."""

    def __init__(self, reasons: frozenset[str] = frozenset()) -> None:
        self.reasons: frozenset[str] = frozenset()
        self._abandoned = False
        self._changed = asyncio.Event()
        self.set_reasons(reasons)

    @property
    def paused(self) -> bool:
        """Whether deliveries have to wait."""
        return bool(self.reasons)

    async def resumed(self) -> bool:
        """Return True when recording is not paused any more, or False when it was abandoned before."""
        while self.reasons and not self._abandoned:
            await self._changed.wait()
        return not self.reasons

    def abandon(self) -> None:
        """Let nobody wait any more: what they hold goes back to RabbitMQ."""
        self._abandoned = True
        self._changed.set()

    def set_reasons(self, reasons: frozenset[str]) -> None:
        """Pause for *reasons*, or resume when there are none."""
        self.reasons = reasons
        if reasons and not self._abandoned:
            self._changed.clear()
        else:
            self._changed.set()


def reasons_to_pause(
    figures: Mapping[str, float], limits: Mapping[str, float], before: frozenset[str]
) -> frozenset[str]:
    """Return the names of *figures* that reach their limit, or did *before* and have not fallen far enough since."""
    return frozenset(
        name
        for name, limit in limits.items()
        if figures.get(name, 0.0) >= (limit * RESUME_SHARE if name in before else limit)
    )
