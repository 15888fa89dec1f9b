"""Plates as people write them on a command line."""

from parkstream_events.sightings import normalised_plate

from parkstream_cli.errors import MISUSED, ToolError


def plate_of(text: str) -> str:
    """Return the plate that *text* writes; raise ``ToolError`` when it is none."""
    try:
        return normalised_plate(text)
    except ValueError as error:
        message = f"{text!r}: {error}"
        raise ToolError(message, exit_code=MISUSED) from error
