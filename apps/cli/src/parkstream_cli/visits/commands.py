"""``parkstream visit``."""

from typing import Annotated

from cyclopts import Parameter

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.errors import ToolError
from parkstream_cli.output import as_json
from parkstream_cli.plates import plate_of
from parkstream_cli.visits.answers import answers
from parkstream_cli.visits.records import Asked, asked_for, told_of
from parkstream_cli.visits.report import tell

VISIT_IDS = ("entry:", "exit:")


async def visit(
    plate_or_visit: Annotated[str, Parameter(help="A plate, or a visit's id as in the summary file.")],
    /,
    *,
    json: Annotated[bool, Parameter(help="Print one JSON object instead.", negative="")] = False,
) -> None:
    """Tell a car's visits: what was said of each, at which record, and why. Only reads.

    Few records are read while the plate is remembered (its visits are not final yet); else as many as a stay may span.
    """
    visit_id = plate_or_visit if plate_or_visit.startswith(VISIT_IDS) else None
    async with opened(settings_here()) as it:
        asked = await asked_for(it, visit_id) if visit_id else Asked(plate_of(plate_or_visit), None)
        found = answers((await told_of(it, asked)).story(), visit_id)
    if not found.visits and not found.other_sightings:
        message = f"nothing was seen of {asked.plate}"
        raise ToolError(message)
    if json:
        as_json(found)
    else:
        tell(found)
