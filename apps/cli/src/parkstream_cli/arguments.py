"""Plates, times, positions and rules as people write them on a command line."""

from collections.abc import Sequence
from typing import Final

from parkstream_events.sightings import normalised_plate
from parkstream_projection.questions import moments
from parkstream_projection.questions.moments import TIME_HELP
from parkstream_projection.questions.what_if import NAMES, Changes, change_of

from parkstream_cli.errors import MISUSED, ToolError

_PREFIX: Final = "PARKSTREAM_"


def plate_of(text: str) -> str:
    """Return the plate that *text* writes; raise ``ToolError`` when it is none."""
    try:
        return normalised_plate(text)
    except ValueError as error:
        message = f"{text!r}: {error}"
        raise ToolError(message, exit_code=MISUSED) from error


def moment_us(text: str, now_us: int) -> int:
    """Return what *text* means at *now_us* (both microseconds since 1970); raise ``ToolError`` when it is no time."""
    try:
        return moments.moment_us(text, now_us)
    except ValueError as error:
        message = f"{error}: write {TIME_HELP}"
        raise ToolError(message, exit_code=MISUSED) from error


def within(option: str, position: int, end: int) -> int:
    """Return *position*, which *option* was given; raise ``ToolError`` when the log, which ends at *end*, lacks it."""
    if not 1 <= position <= end:
        problem = f"{option} {position}: the log ends at {end}, so give a position from 1 to {end}"
        raise ToolError(problem if end else f"{option} {position}: the log is empty", exit_code=MISUSED)
    return position


def changes_of(words: Sequence[str]) -> Changes:
    """Return what *words* (``NAME=VALUE``) set; raise ``ToolError`` that says all that is wrong with them."""
    changes: Changes = {}
    problems: list[str] = []
    for word in words:
        name, _, value = word.partition("=")
        try:
            field, amount_us = change_of(name.strip().upper().removeprefix(_PREFIX), value)
        except KeyError:
            problems.append(f"--set {word}: there is no rule {name!r}")
        except ValueError as error:
            problems.append(f"--set {word}: {error}")
        else:
            changes[field] = amount_us
    if problems:
        raise ToolError("\n".join([*problems, f"The rules are {', '.join(NAMES)}."]), exit_code=MISUSED)
    return changes
