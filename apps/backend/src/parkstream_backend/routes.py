"""Where everything stands, who is inside, a plate's visits; and what the summary API refused."""

import re
from http import HTTPStatus
from typing import Final

from parkstream_eventlog import EventLog
from parkstream_events.sightings import normalised_plate
from parkstream_projection import Outbox, Reads
from parkstream_telemetry import Telemetry

from parkstream_backend.health import Health
from parkstream_backend.http import ProblemError, Request, Response, Route, answer

PAGE: Final = 100
PAGE_MAX: Final = 1_000

_COUNT: Final = re.compile("[1-9][0-9]{0,8}")
_CURSOR: Final = re.compile("[0-9]{1,18}([.][0-9]{1,9})?")


class ReadApi:
    """Answers from the projection and the log; nothing here is cached."""

    def __init__(self, log: EventLog, reads: Reads, outbox: Outbox) -> None:
        self._log = log
        self._reads = reads
        self._outbox = outbox

    async def state(self, _: Request) -> Response:
        """Return positions, lag, counters and what waits."""
        present = await self._reads.state()
        log = await self._log.state()
        return answer(
            {
                "position": log.position,
                "checkpoint": present.checkpoint,
                "lag": max(0, log.position - present.checkpoint),
                "pending": present.pending - present.inside,  # A car inside may still leave, and waits for nothing.
                "inside": present.inside,
                "counters": present.counters,
                "outbox_depth": await self._outbox.depth(),
                "outbox_age_seconds": await self._outbox.age_seconds(),
                "parked": await self._outbox.parked(),
                "unreadable": present.unreadable,
                "watermarks": present.watermarks,
                "state_hash": present.state_hash,
            }
        )

    async def inside(self, request: Request) -> Response:
        """Return a page of the plates that are inside, and the cursor of the next."""
        return answer(await self._reads.inside(*_page(request)))

    async def visits(self, request: Request) -> Response:
        """Return the visits of one plate that are not final yet."""
        try:
            plate = normalised_plate(request.parameter)
        except ValueError as error:
            raise ProblemError(HTTPStatus.BAD_REQUEST, str(error)) from error
        visits = await self._reads.plate(plate)
        if visits is None:
            raise ProblemError(HTTPStatus.NOT_FOUND, f"No visit of {plate} is remembered.")
        return answer({"vehicle_plate": plate, "visits": visits})

    async def parked(self, request: Request) -> Response:
        """Return some of what was refused, with its problem, and the cursor of the rest (null at the end)."""
        cursor, items = await self._outbox.parked_items(*_page(request))
        return answer({"items": items, "cursor": None if cursor == "0" else cursor})

    async def redrive(self, request: Request) -> Response:
        """Put all that was refused back to be delivered, or the one of that id; return how many."""
        ids = [request.query["id"]] if "id" in request.query else None
        return answer({"redriven": await self._outbox.redrive(ids)})


def _page(request: Request) -> tuple[str, int]:
    """Return the cursor and the count that are asked for."""
    count, cursor = request.query.get("count", str(PAGE)), request.query.get("cursor", "0")
    if not _COUNT.fullmatch(count):
        detail = f"count is a whole number from 1; more than {PAGE_MAX} are not given."
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail)
    if not _CURSOR.fullmatch(cursor):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "cursor is what the page before gave.")
    return cursor, min(int(count), PAGE_MAX)


def routes_of(api: ReadApi, health: Health, telemetry: Telemetry) -> list[Route]:
    """Return everything that the backend answers."""

    async def metrics(_: Request) -> Response:
        return Response(telemetry.prometheus(), content_type="text/plain; version=0.0.4; charset=utf-8")

    return [
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route("/metrics", metrics),
        Route("/v1/state", api.state, guarded=True),
        Route("/v1/inside", api.inside, guarded=True),
        Route("/v1/visits/", api.visits, guarded=True),
        Route("/v1/parked", api.parked, guarded=True),
        Route("/v1/parked/redrive", api.redrive, guarded=True, method="POST"),
    ]
