"""Positions as people write them on a command line."""

from parkstream_cli.errors import MISUSED, ToolError


def within(option: str, position: int, end: int) -> int:
    """Return *position*, which *option* was given; raise ``ToolError`` when the log, which ends at *end*, lacks it."""
    if not 1 <= position <= end:
        problem = f"{option} {position}: the log ends at {end}, so give a position from 1 to {end}"
        raise ToolError(problem if end else f"{option} {position}: the log is empty", exit_code=MISUSED)
    return position
