"""Counts requests that are beyond a limit; logs them at most once a minute, because strangers make them."""

from collections import Counter
from time import monotonic
from typing import Final

from parkstream_service.refusals import Refusal

from parkstream_telemetry import names
from parkstream_telemetry.telemetry import Telemetry

LOGGED_EVERY_SECONDS: Final = 60.0


class RefusedRequests:
    """Hears of each refused request of one process."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._counts: Counter[str] = Counter()
        self._logged_at = float("-inf")

    def __call__(self, why: Refusal) -> None:
        """Count one."""
        self._telemetry.add(names.HTTP_REFUSED, reason=why.value)
        self._counts[why.value] += 1
        now = monotonic()
        if now - self._logged_at >= LOGGED_EVERY_SECONDS:
            reasons = ",".join(sorted(self._counts))
            self._telemetry.log(names.EVENT_HTTP_REFUSED, count=self._counts.total(), reasons=reasons)
            self._counts.clear()
            self._logged_at = now
