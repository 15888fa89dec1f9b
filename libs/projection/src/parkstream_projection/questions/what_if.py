"""The same log under other rules, and what that changes."""

import math
from collections.abc import Callable
from typing import Final

from msgspec import Struct, structs
from parkstream_eventlog import LogReader
from parkstream_events.units import DAY_US, SECOND_US
from parkstream_visits import Rules
from parkstream_visits.what_if import Difference, WhatIf

from parkstream_projection.opened import Reached
from parkstream_projection.questions.recorded_events import recorded_events_of

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
"""Field of ``Rules`` and unit, by the variable that sets it, without its prefix."""

VALUE_MAX_US: Final = 3_650 * DAY_US


def change_of(name: str, value: str) -> tuple[str, int]:
    """Return the field of ``Rules`` that *name* means, and the microseconds that *value* gives it, both as written.

    Raises ``KeyError`` for a name of no rule, ``ValueError`` for a value that says what may be given.
    """
    field, unit_us = NAMES[name]
    try:
        amount_us = float(value) * unit_us
    except ValueError:
        amount_us = math.nan
    if not 0 <= amount_us <= VALUE_MAX_US:
        message = f"give a number of {'days' if unit_us == DAY_US else 'seconds'}, from 0 to {VALUE_MAX_US // unit_us}"
        raise ValueError(message)
    return field, round(amount_us)


class Otherwise(Struct, frozen=True, kw_only=True):
    """Which rules are others, from which position on, where to end (by default the log's end), and of which plate."""

    changes: Changes
    start: int | None = None
    to: int | None = None
    plate: str | None = None


class Sides(Struct, frozen=True):
    """A figure as it is in the log, and as it would be."""

    log: float
    other: float


class WhatIfAnswer(Struct, frozen=True, kw_only=True):
    """What other rules change; ``decided_anew`` when the log's decisions by the clock could not be kept."""

    first: int
    last: int
    decided_anew: bool
    rules: dict[str, Sides]
    counters: dict[str, Sides]
    corrections: Sides
    differing: int
    differences: list[Difference]


async def what_if(log: LogReader, options: Otherwise, reached: Reached) -> WhatIfAnswer:
    """Return what *options*, whose positions the log has, would change; only reads."""
    first = options.start or 1
    last = options.to or (await log.state()).position
    # The log's own decisions were made under its grace and hold: under others they say nothing.
    again = not options.changes.keys().isdisjoint({"silence_grace_us", "hold_max_us"})
    folds = WhatIf(_with(options.changes), again=again, start=first, plate=options.plate)
    async for recorded in recorded_events_of(log, last, reached):
        folds.take(recorded)
    differences = folds.differences()
    return WhatIfAnswer(
        first=first,
        last=last,
        decided_anew=again,
        rules=_sides(*map(as_variables, folds.rules())),
        counters=_sides(*folds.counters()),
        corrections=Sides(*folds.corrections),
        differing=len(differences),
        differences=differences,
    )


def _sides(log: dict[str, float] | dict[str, int], other: dict[str, float] | dict[str, int]) -> dict[str, Sides]:
    return {name: Sides(value, other[name]) for name, value in log.items()}


def _with(changes: Changes) -> Callable[[Rules], Rules]:
    """Return what puts *changes* on top of the rules that are in force."""
    return lambda rules: structs.replace(rules, **changes)


def as_variables(rules: Rules) -> dict[str, float]:
    """Return *rules* by the names of their variables, in their units."""
    return {name: getattr(rules, field) / unit_us for name, (field, unit_us) in NAMES.items()}
