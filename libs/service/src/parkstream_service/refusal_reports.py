"""Refusals are reported at a bounded rate: strangers make them."""

from collections import Counter
from collections.abc import Callable
from time import monotonic
from typing import Final

from parkstream_service.refusals import Refusal

REPORTED_EVERY_SECONDS: Final = 60.0


class RefusalReports:
    """Reports each reason at most once a minute, with how many there were since."""

    def __init__(self, report: Callable[[Refusal, int], None]) -> None:
        self._report = report
        self._counts: Counter[Refusal] = Counter()
        self._reported_at: dict[Refusal, float] = {}

    def __call__(self, why: Refusal) -> None:
        """Take one."""
        self._counts[why] += 1
        now = monotonic()
        if now - self._reported_at.get(why, float("-inf")) >= REPORTED_EVERY_SECONDS:
            self._reported_at[why] = now
            self._report(why, self._counts.pop(why))
