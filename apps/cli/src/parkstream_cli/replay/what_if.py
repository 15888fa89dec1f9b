"""``parkstream replay --set``: the same log under other rules, and what that changes."""

from contextlib import aclosing

from msgspec import Struct
from parkstream_events.summaries import Outcome
from parkstream_visits.what_if import Difference, Ending, WhatIf

from parkstream_cli.connections import Opened
from parkstream_cli.replay.facts import passing
from parkstream_cli.replay.other_rules import Changes, as_variables, decides_anew, with_changes
from parkstream_cli.replay.positions import within


class Otherwise(Struct, frozen=True, kw_only=True):
    """Which rules are others, from which position on (by default the first), and where to end (by default the end)."""

    changes: Changes
    start: int | None = None
    to: int | None = None


class Sides(Struct, frozen=True):
    """A figure as it is in the log, and as it would be."""

    log: float
    other: float


class How(Struct, frozen=True):
    """How a visit ended; ``waiting`` when nothing would be said of it yet."""

    outcome: Outcome | None
    entry_event_id: str | None
    exit_event_id: str | None
    waiting: bool


class Differing(Struct, frozen=True):
    """A visit that ends otherwise; None where there is no such visit."""

    visit_id: str
    vehicle_plate: str
    log: How | None
    other: How | None


class WhatIfAnswer(Struct, frozen=True, kw_only=True):
    """What other rules change; ``decided_anew`` when the log's decisions by the clock could not be kept."""

    first: int
    last: int
    decided_anew: bool
    rules: dict[str, Sides]
    counters: dict[str, Sides]
    corrections: Sides
    differing: int
    differences: list[Differing]


async def what_if(it: Opened, options: Otherwise) -> WhatIfAnswer:
    """Return what *options* would change; only reads. Raises ``ToolError`` when the log has no such position."""
    end = (await it.log.state()).position
    last = end if options.to is None else within("--to", options.to, end)
    first = 1 if options.start is None else within("--from", options.start, last)
    again = decides_anew(options.changes)
    folds = WhatIf(with_changes(options.changes), again=again, start=first)
    async with aclosing(passing(it.log, last)) as batches:
        async for facts in batches:
            for fact in facts:
                folds.take(fact)
    differences = [_differing(one) for one in folds.differences()]
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


def _differing(one: Difference) -> Differing:
    return Differing(one.visit_id, one.plate, _how(one.log), _how(one.other))


def _how(ending: Ending | None) -> How | None:
    if ending is None:
        return None
    entry, exit_ = (identity[1] if identity else None for identity in (ending.entry, ending.exit))
    return How(ending.outcome, entry, exit_, ending.waiting)
