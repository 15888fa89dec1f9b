"""How fast versions of the projection catch up: what two looks at their checkpoints say."""

from collections import deque
from typing import Final

from msgspec import Struct
from parkstream_projection import Version

KEPT_SECONDS: Final = 60.0
APART_SECONDS: Final = 0.5
"""Two looks nearer to each other say nothing."""


class Progress(Struct, frozen=True):
    """A version, how many records it is *behind* the log, and how fast it catches up; None before two looks say it."""

    version: Version
    behind: int
    per_second: float | None = None

    @property
    def left_seconds(self) -> float | None:
        """In which time it will have caught up, if it goes on like that."""
        return self.behind / self.per_second if self.per_second else None


class Rebuilds:
    """Remembers the looks of the last minute."""

    def __init__(self) -> None:
        self._looks: dict[int, deque[tuple[float, int]]] = {}

    def look(self, versions: list[Version], position: int, now_seconds: float) -> list[Progress]:
        """Take in what *versions* there are when the log ends at *position*, and return how each comes on."""
        self._looks = {one.number: self._looks.get(one.number, deque()) for one in versions}
        return [
            Progress(one, max(0, position - one.checkpoint), self._rate(one, self._looks[one.number], now_seconds))
            for one in versions
        ]

    @staticmethod
    def _rate(version: Version, looks: deque[tuple[float, int]], now_seconds: float) -> float | None:
        while looks and (looks[0][0] < now_seconds - KEPT_SECONDS or looks[-1][1] > version.checkpoint):
            looks.popleft()  # Long ago, or of another version of the same number.
        apart_seconds = now_seconds - looks[0][0] if looks else 0.0
        rate = (version.checkpoint - looks[0][1]) / apart_seconds if apart_seconds >= APART_SECONDS else None
        if not looks or now_seconds - looks[-1][0] >= APART_SECONDS:
            looks.append((now_seconds, version.checkpoint))
        return rate
