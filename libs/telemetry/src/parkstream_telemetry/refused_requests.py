"""Requests that were refused: counted, and logged at a bounded rate."""

from parkstream_service.refusal_reports import RefusalReports
from parkstream_service.refusals import Refusal

from parkstream_telemetry import names
from parkstream_telemetry.telemetry import Telemetry


class RefusedRequests:
    """Hears of each refused request of one process."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._reports = RefusalReports(self._log)

    def __call__(self, why: Refusal) -> None:
        """Count one."""
        self._telemetry.add(names.HTTP_REFUSED, reason=why.value)
        self._reports(why)

    def _log(self, why: Refusal, count: int) -> None:
        self._telemetry.log(names.EVENT_HTTP_REFUSED, count=count, reason=why.value)
