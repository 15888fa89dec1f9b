"""What ``parkstream replay`` prints for people."""

from datetime import datetime
from typing import Any, Final

from msgspec import structs
from parkstream_projection import Version
from parkstream_projection.questions.as_of import Answer, PlateVisit, Question
from parkstream_projection.questions.what_if import WhatIfAnswer
from parkstream_projection.rebuild import Checked
from parkstream_projection.rebuild.run import Result
from parkstream_visits.what_if import Ending
from rich.table import Table

from parkstream_cli.console import BAD, GOOD, PlainConsole

PLATES_SHOWN: Final = 10
ROWS_MAX: Final = 30
"""How many cars or visits a table shows; --json has all."""


def show_result(result: Result, console: PlainConsole) -> None:
    """Print *result*."""
    console.say(
        f"version {result.version}: {result.events:,} records in {result.seconds:,.1f} s, up to {result.checkpoint:,}"
    )
    if result.hash_equal:
        console.say(f"the same as version {result.live}, bit for bit: {result.hash}")
    else:
        console.say(f"not the same as version {result.live}: {result.hash} instead of {result.live_hash}")
        console.say(f"{result.differences:,} visits come out differently")
    for one in result.examples:
        console.say(f"  {one['visit_id']}: {one['now']}, written so far: {one['shown']}")
    if result.switched:
        console.say(f"version {result.version} is live; parkstream replay --rollback goes back to {result.live}")


def show_versions(versions: list[Version], console: PlainConsole) -> None:
    """Print *versions*."""
    table = Table("version", "checkpoint", "state hash", "")
    for version in versions:
        table.add_row(str(version.number), f"{version.checkpoint:,}", version.state_hash or "", _about(version))
    console.print(table)


def _about(version: Version) -> str:
    if version.live:
        return "live"
    if version.before:
        return "live before: --rollback goes back to it"
    return "" if version.rebuilt else "interrupted: parkstream replay continues it"


def check_answer(result: Checked) -> dict[str, Any]:
    """Return *result* as it is printed with ``--json``."""
    speed = result.events / result.seconds if result.seconds else 0.0
    return {
        **structs.asdict(result),
        "seconds": round(result.seconds, 3),
        "events_per_second": round(speed, 1),
        "hash_equal": result.live_hash in {None, result.hash} and result.first_difference is None,
    }


def show_check(result: Checked, console: PlainConsole) -> None:
    """Print *result*."""
    speed = result.events / result.seconds if result.seconds else 0.0
    console.say(f"{result.events:,} records folded in {result.seconds:.1f} s ({speed:,.0f}/s)")
    console.say(f"{result.compared:,} kept hashes and {result.plates_compared:,} plates compared")
    if result.equal:
        console.say(("equal", GOOD), f" {result.hash}")
        return
    if span := result.first_difference:
        console.say(("different", BAD), f" after position {span.after:,}, by position {span.through:,}")
    if plates := result.plates_different:
        more = f" and {len(plates) - PLATES_SHOWN:,} more" if len(plates) > PLATES_SHOWN else ""
        console.say(("different", BAD), f" plates in Redis: {', '.join(plates[:PLATES_SHOWN])}{more}")
    console.say("rebuild with parkstream replay, look at the differences, then make the new version live with --switch")


def show_as_of(answer: Answer, console: PlainConsole) -> None:
    """Print *answer* on *console*."""
    console.say(_headline(answer))
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


def show_what_if(answer: WhatIfAnswer, console: PlainConsole) -> None:
    """Print *answer* on *console*."""
    decisions = "decisions by the clock made again" if answer.decided_anew else "decisions by the clock as in the log"
    console.say(f"Positions {answer.first:,} to {answer.last:,} under other rules ({decisions}):")
    table = Table("", "in the log", "otherwise", "difference")
    for column in table.columns[1:]:
        column.justify = "right"
    figures = {**answer.rules, **answer.counters, "corrections": answer.corrections}
    for name, value in figures.items():
        by = value.other - value.log
        table.add_row(name.replace("_", " ").lower(), f"{value.log:,g}", f"{value.other:,g}", f"{by:+,g}" if by else "")
    console.print(table)
    if not answer.differing:
        console.say("Every visit ends as it does in the log.")
        return
    visits = Table("visit", "plate", "in the log", "otherwise", title=f"{answer.differing:,} visits end otherwise")
    for one in answer.differences[:ROWS_MAX]:
        visits.add_row(one.visit_id, one.vehicle_plate, _how(one.log), _how(one.other))
    _print(visits, answer.differing, console)


def _how(how: Ending | None) -> str:
    if how is None:
        return "no such visit"
    if how.waiting:
        return "pending"
    return f"{how.outcome} ({how.entry_event_id or '?'} → {how.exit_event_id or '?'})"


def _print(table: Table, total: int, console: PlainConsole) -> None:
    console.print(table)
    if total > ROWS_MAX:
        console.say(f"The first {ROWS_MAX} of {total:,}; --json has all.")


def _time(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", "Z")
