"""One field for plate, visit, event, position or trace."""

import asyncio
from typing import Annotated, Any, Final

from litestar import Response, get
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Redirect
from msgspec import Struct, structs
from parkstream_events.sightings import VehicleEntered, VehicleExited, microseconds, moment_of
from parkstream_projection.codec import plates_in
from parkstream_projection.questions.find import Finder, Findings, Hit
from parkstream_projection.questions.records_in_words import in_words
from parkstream_service.access import Role
from parkstream_service.http import needs
from parkstream_visits import Unreadable
from parkstream_visits.plate_visits import visit_id_of

from parkstream_console.access.session import Access
from parkstream_console.pages.login import SEE_OTHER
from parkstream_console.pages.site import Asked, Look, Site
from parkstream_console.search.stories import BusyError, Stories

LENGTH_MAX: Final = 300
TURN_SECONDS: Final = 10.0
"""How long a search waits for others that read the log."""


class Row(Struct, frozen=True):
    """Something that was found: what it is, and where its story is, if it has one."""

    what: str
    detail: str
    when: Any
    path: str | None


class FindPage:
    """Finds, and leads to what is found."""

    def __init__(self, site: Site, access: Access, finder: Finder, stories: Stories) -> None:
        self._site = site
        self._access = access
        self._finder = finder
        self._stories = stories

    async def find(self, request: Asked, text: str, before: int | None) -> Response[Any]:
        """Return a list of what is found, or lead to it when it is one."""
        if not text:
            return self._site.page(request, "find.html", q="", findings=None, rows=[])
        if len(text) > LENGTH_MAX:
            message = f"what is looked for has at most {LENGTH_MAX} characters"
            raise ClientException(message)
        findings = await self._findings(text, before)
        look = self._site.look_of(request, self._access.viewer(request))
        rows = rows_of(findings, look)
        if len(rows) == 1 and rows[0].path:
            return Redirect(rows[0].path, status_code=SEE_OTHER)
        return self._site.page(request, "find.html", q=text, findings=findings, rows=rows)

    async def _findings(self, text: str, before: int | None) -> Findings:
        quick = await self._finder.quickly(text) if before is None else None
        if quick is not None and (quick.plate or quick.hits):
            return quick
        try:
            async with asyncio.timeout(TURN_SECONDS):
                await self._stories.turn.acquire()
        except TimeoutError:
            self._stories.refused()
            message = "others are searching the log, and only one does at a time; try again in a moment"
            raise BusyError(message) from None
        try:
            read = await self._finder.in_log(text, before)
        finally:
            self._stories.turn.release()
        return read if quick is None else structs.replace(read, looked=[*quick.looked, *read.looked])


def rows_of(findings: Findings, look: Look) -> list[Row]:
    """Return what was found as it is listed."""
    rows = [_row(hit, look) for hit in findings.hits]
    if plate := findings.plate:
        rows.insert(0, Row("plate", look.plate(plate), None, look.plate_path(plate)))
    return rows


def _row(hit: Hit, look: Look) -> Row:
    event, moment = hit.recorded.event, moment_of(hit.recorded.recorded_at_us)
    shown = not look.hides_plates
    what = f"record {hit.position}, {hit.type}"
    match event:
        case VehicleEntered() | VehicleExited():
            plate = event.vehicle_plate
            path = look.visit_path(visit_id_of(event.direction, event.id, microseconds(event.event_time)), plate)
            detail = f"{look.plate(plate)}, event {look.about(event.id, plate)}"
            return Row(what, detail, event.event_time, f"{path}?record={hit.position}#record-{hit.position}")
        case Unreadable(reason=reason):
            return Row(what if shown else f"record {hit.position}", f"unreadable: {reason}", moment, None)
        case _:
            plates = plates_in(hit.recorded)
            detail = (
                in_words(hit.recorded) if plates or shown else ""
            )  # A decision may name ids, which may hold plates.
            for plate in plates:
                detail = look.about(detail, plate)
            return Row(what, detail, moment, None)


Before = Annotated[int | None, QueryParameter(ge=1, le=10**16)]


def find_routes(page: FindPage) -> list[HTTPRouteHandler]:
    """Return the page that finds."""

    @get("/find", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def find(request: Asked, q: str = "", before: Before = None) -> Response[Any]:
        """Find what was typed in."""
        return await page.find(request, q.strip(), before)

    return [find]
