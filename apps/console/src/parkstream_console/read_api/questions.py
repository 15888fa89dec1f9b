"""Answers from the projection, the log and the outbox; nothing here is cached."""

import re
from http import HTTPStatus
from typing import Final

from parkstream_events.sightings import normalised_plate
from parkstream_projection.opened import Opened
from parkstream_projection.overview import Overview, overview
from parkstream_projection.reads import InsidePage
from parkstream_projection.store import OtherRulesError
from parkstream_service.http import Kind, WrongFieldError

from parkstream_console.read_api.answers import ParkedPage, ParkedSummary, PlateVisits

PAGE: Final = 100
PAGE_MAX: Final = 1_000
_INSIDE_CURSOR: Final = re.compile("[0-9]{1,18}([.][0-9]{1,9})?")
_PARKED_CURSOR: Final = re.compile("[0-9]{1,19}")


class UnknownPlateError(Exception):
    """Nothing is remembered of a plate."""


KINDS: Final[dict[type[Exception], Kind]] = {
    UnknownPlateError: Kind("unknown-plate", "Unknown plate", HTTPStatus.NOT_FOUND),
    OtherRulesError: Kind(
        "other-rules", "Another version of the rules made the projection", HTTPStatus.SERVICE_UNAVAILABLE
    ),
}


class Questions:
    """What may be asked of *it*."""

    def __init__(self, it: Opened) -> None:
        self._it = it

    async def overview(self) -> Overview:
        """Return positions, lag, counters and what waits."""
        return await overview(self._it.log, self._it.reads, self._it.outbox)

    async def inside(self, cursor: str, count: int) -> InsidePage:
        """Return a page of the plates that are inside, and the cursor of the next."""
        return await self._it.reads.inside(_checked(cursor, _INSIDE_CURSOR), min(count, PAGE_MAX))

    async def visits(self, written: str) -> PlateVisits:
        """Return the visits of the plate that is *written* so; raise ``UnknownPlateError``."""
        try:
            plate = normalised_plate(written)
        except ValueError as error:
            raise WrongFieldError(field="plate", detail=str(error)) from error
        visits = await self._it.reads.plate(plate)
        if visits is None:
            message = f"no visit of {plate} is remembered"
            raise UnknownPlateError(message)
        return PlateVisits(plate, visits)

    async def parked(self, cursor: str, count: int) -> ParkedPage:
        """Return some of what was refused, with its problem, and the cursor of the rest."""
        after, items = await self._it.outbox.parked_items(_checked(cursor, _PARKED_CURSOR), min(count, PAGE_MAX))
        return ParkedPage([ParkedSummary.of(one) for one in items], None if after == "0" else after)


def _checked(cursor: str, pattern: re.Pattern[str]) -> str:
    if not pattern.fullmatch(cursor):
        raise WrongFieldError(field="cursor", detail="take the cursor of the page before, unchanged")
    return cursor
