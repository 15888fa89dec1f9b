"""``parkstream demo``: progress while it runs, then one car's trace, the account and the first summaries."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter, validators
from parkstream_devtools import MissingServerError, StartError
from parkstream_devtools.pipeline.account import Milliseconds
from parkstream_devtools.pipeline.run import NotEmptyError, Result, Show, run
from parkstream_devtools.pipeline.services import DiedError
from parkstream_devtools.pipeline.settings import Options
from parkstream_devtools.pipeline.snapshots import Snapshot
from parkstream_devtools.probes import UnreachableError
from parkstream_telemetry.kept_traces.examples import Examples
from rich.live import Live
from rich.table import Table

from parkstream_cli.console import BAD, GOOD, PlainConsole, words
from parkstream_cli.errors import ToolError
from parkstream_cli.output import AsJson, as_json
from parkstream_cli.trace import about, draw

LINE_EVERY_SECONDS: Final = 5.0
_OUTCOMES: Final = ("completed", "entry_missed", "exit_missed")

Positive = Annotated[float, Parameter(validator=validators.Number(gt=0))]


def demo(  # noqa: PLR0913 - one option each
    *,
    seconds: Annotated[Positive, Parameter(help="How long cars arrive.")] = 60.0,
    rate: Annotated[Positive, Parameter(help="Cars per second that enter.")] = 50.0,
    seed: Annotated[int, Parameter(help="The same seed gives the same cars.")] = 1,
    keep: Annotated[Path | None, Parameter(help="An empty folder for logs, summaries and spans, to keep.")] = None,
    fault: Annotated[
        tuple[str, ...],
        Parameter(help="What goes wrong at a gate: south:delay=5, east:creep=10/20, …; may be given several times."),
    ] = (),
    json: AsJson = False,
) -> int:
    """Run the whole pipeline on this machine, then check that nothing was lost.

    Counts what was published, recorded and written, and fails (exit 1) if the numbers differ.
    """
    console = PlainConsole(stderr=json)
    try:
        options = Options(seconds=seconds, rate=rate, seed=seed, keep=keep, faults=fault)
    except ValueError as error:
        raise ToolError(str(error)) from error
    try:
        with progress_on(console) as show:
            result = run(options, console.say, show)
    except (DiedError, MissingServerError, NotEmptyError, StartError, UnreachableError) as error:
        raise ToolError(str(error)) from error
    if json:
        as_json(result.account)
    else:
        print_result(result, console)
    return 0 if result.balanced else 1


@contextmanager
def progress_on(console: PlainConsole) -> Generator[Show, None, None]:
    """Yield what shows progress: a live table when *console* is a terminal, else a line now and then."""
    if not console.is_terminal:
        yield Lines(console).show
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda before, now, phase: live.update(table_of(before, now, phase))


class Lines:
    """One line every few seconds."""

    def __init__(self, console: PlainConsole) -> None:
        self._console = console
        self._last: tuple[float, str] = (float("-inf"), "")

    def show(self, before: Snapshot, now: Snapshot, phase: str) -> None:
        """Print a line when enough time has passed or the phase is another."""
        at, word = self._last
        if now.at - at < LINE_EVERY_SECONDS and word == phase.partition(" ")[0]:
            return
        self._last = (now.at, phase.partition(" ")[0])
        figures = ", ".join(f"{name} {value}" for _, row in rows(before, now) for name, value in row)
        self._console.say(f"{phase}: {figures}")


def table_of(before: Snapshot, now: Snapshot, phase: str) -> Table:
    """Return *now* as a table, with rates since *before*."""
    table = Table(title=f"parkstream demo · {phase}", show_header=False, title_justify="left", min_width=78)
    table.add_column(style="bold")
    for place, row in rows(before, now):
        table.add_row(place, words(*(part for name, value in row for part in ((name, "dim"), f" {value}   "))))
    return table


def rows(before: Snapshot, now: Snapshot) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is worth showing, place by place, in the order of an event's way."""
    seconds = max(now.at - before.at, 0.001)
    entry_rate = (now.entries.published - before.entries.published) / seconds
    exit_rate = (now.exits.published - before.exits.published) / seconds
    entries, exits = f"{now.entries.published:,} ({entry_rate:.0f}/s)", f"{now.exits.published:,} ({exit_rate:.0f}/s)"
    state, stats = now.state, now.stats
    return [
        ("cameras", [("entries", entries), ("exits", exits)]),
        ("entry gates", [(gate, f"{count:,}") for gate, count in sorted(now.entries.gates.items())]),
        ("exit gates", [(gate, f"{count:,}") for gate, count in sorted(now.exits.gates.items())]),
        ("RabbitMQ", [("queued", f"{now.queued:,}"), ("dead letters", f"{now.dead:,}")]),
        ("log", [("records", f"{state.position:,}"), ("behind", f"{state.lag:,}")]),
        ("visits", [("inside", f"{state.inside:,}"), ("pending", f"{state.pending:,}")]),
        ("outbox", [("waiting", f"{state.outbox_depth:,}"), ("parked", f"{state.parked:,}")]),
        ("on disk", [(outcome, f"{stats.current.get(outcome, 0):,}") for outcome in _OUTCOMES]),
        ("exit to disk", [("p50/p95/p99", spread(stats.exit_to_disk_ms))]),
        ("when pending", [("pending p50/p95/p99", spread(stats.pending_exit_to_disk_ms))]),
    ]


def spread(found: Milliseconds | None) -> str:
    """Return three percentiles: ``4.1 / 9.0 / 21.3 ms``."""
    values = (found.p50, found.p95, found.p99) if found else ()
    text = " / ".join(f"{value:,.1f}" for value in values if value is not None)
    return f"{text} ms" if text else "-"


def print_result(result: Result, console: PlainConsole) -> None:
    """Print the account of *result*, the path of the summary file and its first lines."""
    if result.cars is not None:
        draw_examples(result.cars, console)
    table = Table(title="Account", title_justify="left", show_header=False)
    for line in result.equations:
        verdict = words(("balances", GOOD) if line.holds else ("DOES NOT", f"bold {BAD}"))
        table.add_row(line.says, f"{line.left:,}", "=" if line.holds else "≠", f"{line.right:,}", verdict)
    console.print(table)
    account = result.account
    ending = [
        f"matched share   {account.matched_share:.2%} of {account.exits_published:,} exits",
        f"exit to disk    p50/p95/p99 {spread(account.exit_to_disk_ms)}",
        f"  when pending  p50/p95/p99 {spread(account.pending_exit_to_disk_ms)} (while cars came)",
        *([f"any other car   {called_as()} trace PLATE"] if result.cars is not None else []),
        f"summary file    {account.summary_file}",
        *result.first_lines,
    ]
    for text in ending:
        console.say(text)


def called_as() -> str:
    """Return how the user calls this command: in a clone it is ``./dev``, which says so."""
    return os.environ.get("CALLED_AS", "parkstream")


def draw_examples(cars: Examples, console: PlainConsole) -> None:
    """Draw where the time of two cars went."""
    draw(cars.typical, f"One car: {about(cars.typical)}", console)
    draw(cars.slowest, f"The slowest: {about(cars.slowest)}", console)
