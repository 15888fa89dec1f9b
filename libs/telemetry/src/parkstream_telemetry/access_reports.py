"""Who may ask a service: a figure while that is not as it should be, and a line of the log."""

from parkstream_service.access import Access

from parkstream_telemetry import names
from parkstream_telemetry.telemetry import Telemetry


class AccessReports:
    """Hears what whoever runs the service should know of *access*, and shows whether it is as it should be."""

    def __init__(self, telemetry: Telemetry, access: Access) -> None:
        self._telemetry = telemetry
        telemetry.watch(names.ACCESS_PROBLEM, lambda: bool(access.problem))

    def __call__(self, detail: str) -> None:
        """Log *detail*."""
        self._telemetry.log(names.EVENT_ACCESS, detail=detail)
