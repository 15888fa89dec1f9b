"""What goes on while everything runs: a live table, or a line now and then."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from parkstream_devtools.pipeline.account import Milliseconds
from parkstream_devtools.pipeline.observer import Show
from parkstream_devtools.pipeline.snapshots import Snapshot
from rich.live import Live
from rich.table import Table

from parkstream_cli.console import PlainConsole, words

LINE_EVERY_SECONDS: Final = 5.0
_OUTCOMES: Final = ("completed", "entry_missed", "exit_missed")


@contextmanager
def progress_on(
    console: PlainConsole, title: str = "parkstream demo", every_seconds: float = LINE_EVERY_SECONDS
) -> Generator[Show, None, None]:
    """Yield what shows progress: a live table when *console* is a terminal, else a line now and then."""
    if not console.is_terminal:
        yield Lines(console, every_seconds).show
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield lambda before, now, phase: live.update(table_of(before, now, f"{title} · {phase}"))


class Lines:
    """One line every few seconds."""

    def __init__(self, console: PlainConsole, every_seconds: float) -> None:
        self._console = console
        self._every_seconds = every_seconds
        self._last: tuple[float, str] = (float("-inf"), "")

    def show(self, before: Snapshot, now: Snapshot, phase: str) -> None:
        """Print a line when enough time has passed or the phase is another."""
        at, word = self._last
        if now.at - at < self._every_seconds and word == phase.partition(" ")[0]:
            return
        self._last = (now.at, phase.partition(" ")[0])
        figures = ", ".join(f"{name} {value}" for _, row in rows(before, now) for name, value in row)
        self._console.say(f"{phase}: {figures}")


def table_of(before: Snapshot, now: Snapshot, title: str) -> Table:
    """Return *now* as a table, with rates since *before*."""
    table = Table(title=title, show_header=False, title_justify="left", min_width=78)
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
