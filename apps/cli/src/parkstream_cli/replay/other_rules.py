"""``--set NAME=VALUE``: the rules by the names of their variables."""

import math
from collections.abc import Callable, Sequence
from typing import Final

from msgspec import structs
from parkstream_events.units import DAY_US, SECOND_US
from parkstream_visits import Rules

from parkstream_cli.errors import MISUSED, ToolError

Changes = dict[str, int]
"""Microseconds by field of ``Rules``."""
NAMES: Final = {
    "ALLOWED_LATENESS_SECONDS": ("allowed_lateness_us", SECOND_US),
    "SILENCE_GRACE_SECONDS": ("silence_grace_us", SECOND_US),
    "HOLD_MAX_SECONDS": ("hold_max_us", SECOND_US),
    "DUPLICATE_WINDOW_SECONDS": ("duplicate_window_us", SECOND_US),
    "MAX_STAY_SECONDS": ("max_stay_us", SECOND_US),
    "FINALITY_DAYS": ("finality_us", DAY_US),
}
VALUE_MAX_US: Final = 3_650 * DAY_US
_PREFIX: Final = "PARKSTREAM_"


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


def with_changes(changes: Changes) -> Callable[[Rules], Rules]:
    """Return what puts *changes* on top of the rules that are in force."""
    return lambda rules: structs.replace(rules, **changes)


def decides_anew(changes: Changes) -> bool:
    """Return whether the log's own decisions, made under its grace and hold, say nothing under *changes*."""
    return not changes.keys().isdisjoint({"silence_grace_us", "hold_max_us"})


def as_variables(rules: Rules) -> dict[str, float]:
    """Return *rules* by the names of their variables, in their units."""
    return {name: getattr(rules, field) / unit_us for name, (field, unit_us) in NAMES.items()}
