"""What all runs together have found: one JSON object, and its table for people."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import msgspec
from msgspec import Struct
from parkstream_devtools.made_parts import marks_of

from chaos.ledger import Line

ROOT: Final = Path(__file__).parents[1]
RESULT: Final = ROOT / "docs" / "results" / "chaos.json"
PAGE: Final = ROOT / "docs" / "guarantees.md"
MARKS: Final = marks_of("chaos.report")
HEAD: Final = (
    "| kind | faults | sightings | median s | worst s | failures | lost without replicas |\n"
    "|---|---:|---:|---:|---:|---:|---:|\n"
)


class Without(Struct, frozen=True, kw_only=True):
    """What the same cost where backends wait for no replica."""

    faults: int
    events: int
    lost: int


class Row(Struct, frozen=True, kw_only=True):
    """One kind of fault."""

    kind: str
    faults: int
    events: int
    median_ms: float
    worst_ms: float
    failures: int
    without: Without | None = None


class Report(Struct, frozen=True, kw_only=True):
    """All of it; *broken*: the lines of what failed."""

    first: str
    last: str
    runs: int
    faults: int
    events: int
    failures: int
    kinds: list[Row]
    broken: list[Line]


def report_of(lines: Sequence[Line]) -> Report:
    """Add *lines* up; a run that was begun twice is another run each time, by its lines."""
    times = [line.at for line in lines] or [datetime.now(UTC).isoformat(timespec="seconds")]
    broken = [line for line in lines if line.broken]
    return Report(
        first=min(times),
        last=max(times),
        runs=len({line.seed for line in lines}),
        faults=len(lines),
        events=_events(lines),
        failures=len(broken),
        kinds=[
            _row(kind, [line for line in lines if line.kind == kind]) for kind in sorted({one.kind for one in lines})
        ],
        broken=broken,
    )


def table(report: Report) -> str:
    """Return *report* as it stands on a page."""
    rows = "".join(
        f"| {row.kind} | {row.faults:,} | {row.events:,} | {row.median_ms / 1_000:.1f} | {row.worst_ms / 1_000:.1f} "
        f"| {row.failures} | {_words_of(row.without)} |\n"
        for row in report.kinds
    )
    return (
        f"{report.faults:,} faults in {report.runs:,} runs over {report.events:,} sightings, the last one on "
        f"{report.last[:10]}; {report.failures:,} failed.\n\n{HEAD}{rows}"
    )


def write_page() -> None:
    """Put the table of the result into its page."""
    MARKS.put(PAGE, table(result()))


def result() -> Report:
    """Return the result that is in the tree."""
    return msgspec.json.decode(RESULT.read_bytes(), type=Report)


def as_json(report: Report) -> str:
    """Return *report* as it lies in a file."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode() + "\n"


def _words_of(without: Without | None) -> str:
    return f"{without.lost:,} of {without.events:,}" if without else ""


def _row(kind: str, lines: Sequence[Line]) -> Row:
    without = [line for line in lines if line.without_replicas]
    waiting = [line for line in lines if not line.without_replicas]
    recovered: list[float] = [line.recover_ms for line in waiting if not line.broken] or [0.0]
    return Row(
        kind=kind,
        faults=len(waiting),
        events=_events(waiting),
        failures=sum(bool(line.broken) for line in lines),
        median_ms=round(median(recovered), 1),
        worst_ms=max(recovered),
        without=Without(faults=len(without), events=_events(without), lost=sum(line.lost for line in without))
        if without
        else None,
    )


def _events(lines: Iterable[Line]) -> int:
    return sum(line.events for line in lines)


if __name__ == "__main__":
    write_page()
