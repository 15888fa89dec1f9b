"""Plates, times, positions and rules as people write them on a command line."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import Final

from parkstream_events.sightings import microseconds, moment_of, normalised_plate
from parkstream_events.units import DAY_US
from parkstream_projection.questions.what_if import NAMES, Changes

from parkstream_cli.errors import MISUSED, ToolError

TIME_HELP: Final = "2026-11-27T08:00 (UTC, or with a zone), 08:00 today, or -15m ago (s, m, h, d)."
VALUE_MAX_US: Final = 3_650 * DAY_US
_PREFIX: Final = "PARKSTREAM_"
_AGO: Final = re.compile(r"-(\d{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def plate_of(text: str) -> str:
    """Return the plate that *text* writes; raise ``ToolError`` when it is none."""
    try:
        return normalised_plate(text)
    except ValueError as error:
        message = f"{text!r}: {error}"
        raise ToolError(message, exit_code=MISUSED) from error


def moment_us(text: str, now_us: int) -> int:
    """Return what *text* means at *now_us* (both microseconds since 1970); raise ``ToolError`` when it is no time."""
    if ago := _AGO.fullmatch(text):
        return now_us - int(ago[1]) * _SECONDS[ago[2]] * 1_000_000
    try:
        moment = _moment(text, moment_of(now_us))
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is no time: write {TIME_HELP}"
        raise ToolError(message, exit_code=MISUSED) from error
    return microseconds(moment)


def _moment(text: str, now: datetime) -> datetime:
    if "-" not in text and ":" in text:
        return datetime.combine(now.date(), time.fromisoformat(text), tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


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
        field, unit_us = NAMES.get(name.strip().upper().removeprefix(_PREFIX), ("", 0))
        amount_us = _amount(value) * unit_us
        if not field:
            problems.append(f"--set {word}: there is no rule {name!r}")
        elif not 0 <= amount_us <= VALUE_MAX_US:
            problems.append(f"--set {word}: give a number of {_unit(unit_us)}, from 0 to {VALUE_MAX_US // unit_us}")
        else:
            changes[field] = round(amount_us)
    if problems:
        raise ToolError("\n".join([*problems, f"The rules are {', '.join(NAMES)}."]), exit_code=MISUSED)
    return changes


def _amount(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return math.nan


def _unit(unit_us: int) -> str:
    return "days" if unit_us == DAY_US else "seconds"
