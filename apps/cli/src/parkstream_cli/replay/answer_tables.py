"""Answers as tables."""

from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from parkstream_cli.replay.as_of import Answer, PlateVisit, Question
from parkstream_cli.replay.what_if import How, WhatIfAnswer

ROWS_MAX: Final = 30
"""How many cars or visits a table shows; --json has all."""


def show_as_of(answer: Answer, console: Console) -> None:
    """Print *answer* on *console*."""
    console.print(_headline(answer))
    counters = Table("counter", "value")
    counters.columns[1].justify = "right"
    for name, value in answer.counters.items():
        counters.add_row(name.replace("_", " "), f"{value:,}")
    console.print(counters)
    if answer.inside is not None:
        cars = Table("plate", "entered", "entry", title=f"{len(answer.inside):,} inside", title_justify="left")
        for car in answer.inside[:ROWS_MAX]:
            cars.add_row(car.vehicle_plate, _time(car.entry_date_time), car.entry_event_id)
        _print(cars, len(answer.inside), console)
    if answer.visits is not None:
        visits = Table("visit", "outcome", "revision", "entered", "left", "superseded by")
        for visit in answer.visits[:ROWS_MAX]:
            visits.add_row(*_cells(visit))
        _print(visits, len(answer.visits), console)


def _headline(answer: Answer) -> str:
    if answer.question is Question.KNOWN:
        when = f", recorded {_time(answer.recorded_at)}" if answer.recorded_at else ""
        return f"What was known at position {answer.position:,}{when}:"
    known = f"by all that the log says up to position {answer.position:,}"
    holds = "final: later records cannot change it" if answer.final else "not final: later records may change it"
    return f"What was true at {_time(answer.occurred_at)}, {known} ({holds}):"


def _cells(visit: PlateVisit) -> tuple[str, ...]:
    return (
        visit.visit_id,
        visit.outcome or "not ended",
        "" if visit.revision is None else str(visit.revision),
        _time(visit.entry_date_time),
        _time(visit.exit_date_time),
        visit.superseded_by or "",
    )


def show_what_if(answer: WhatIfAnswer, console: Console) -> None:
    """Print *answer* on *console*."""
    decisions = "decisions by the clock made again" if answer.decided_anew else "decisions by the clock as in the log"
    console.print(f"Positions {answer.first:,} to {answer.last:,} under other rules ({decisions}):")
    table = Table("", "in the log", "otherwise", "difference")
    for column in table.columns[1:]:
        column.justify = "right"
    figures = {**answer.rules, **answer.counters, "corrections": answer.corrections}
    for name, value in figures.items():
        by = value.other - value.log
        table.add_row(name.replace("_", " ").lower(), f"{value.log:,g}", f"{value.other:,g}", f"{by:+,g}" if by else "")
    console.print(table)
    if not answer.differing:
        console.print("Every visit ends as it does in the log.")
        return
    visits = Table("visit", "plate", "in the log", "otherwise", title=f"{answer.differing:,} visits end otherwise")
    for one in answer.differences[:ROWS_MAX]:
        visits.add_row(one.visit_id, one.vehicle_plate, _how(one.log), _how(one.other))
    _print(visits, answer.differing, console)


def _how(how: How | None) -> str:
    if how is None:
        return "no such visit"
    if how.waiting:
        return "waits"
    return f"{how.outcome} ({how.entry_event_id or '?'} → {how.exit_event_id or '?'})"


def _print(table: Table, total: int, console: Console) -> None:
    console.print(table)
    if total > ROWS_MAX:
        console.print(f"The first {ROWS_MAX} of {total:,}; --json has all.")


def _time(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
