"""Progress, as a live table on a terminal and as plain lines elsewhere."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from parkstream_cli.demo.account import Milliseconds
from parkstream_cli.demo.snapshots import Snapshot

LINE_EVERY_SECONDS: Final = 5.0


class Board(Protocol):
    """Where progress is shown."""

    def show(self, before: Snapshot, now: Snapshot, phase: str) -> None:
        """Show *now*, with rates since *before*."""
        ...


@contextmanager
def board(console: Console) -> Generator[Board, None, None]:
    """Yield a live table when *console* is a terminal, else something that prints a line now and then."""
    if not console.is_terminal:
        yield Lines(console)
        return
    with Live(console=console, refresh_per_second=4) as live:
        yield LiveTable(live)


class Lines:
    """One line every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last: tuple[float, str] = (float("-inf"), "")

    def show(self, before: Snapshot, now: Snapshot, phase: str) -> None:
        """Print a line when enough time has passed or the phase is another."""
        at, word = self._last
        if now.at - at < LINE_EVERY_SECONDS and word == phase.partition(" ")[0]:
            return
        self._last = (now.at, phase.partition(" ")[0])
        told = ", ".join(f"{name} {value}" for _, row in rows(before, now) for name, value in row)
        self._console.print(f"{phase}: {told}", highlight=False, soft_wrap=True)


class LiveTable:
    """A table that is drawn anew in place."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, before: Snapshot, now: Snapshot, phase: str) -> None:
        """Draw the table."""
        table = Table(title=f"parkstream demo · {phase}", show_header=False, title_justify="left", min_width=78)
        table.add_column(style="bold")
        for place, row in rows(before, now):
            table.add_row(place, "   ".join(f"[dim]{name}[/dim] {value}" for name, value in row))
        self._live.update(table)


def rows(before: Snapshot, now: Snapshot) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return what is worth showing, place by place, in the order of an event's way."""
    seconds = max(now.at - before.at, 0.001)
    entry_rate = (now.entries.published - before.entries.published) / seconds
    exit_rate = (now.exits.published - before.exits.published) / seconds
    entries, exits = f"{now.entries.published:,} ({entry_rate:.0f}/s)", f"{now.exits.published:,} ({exit_rate:.0f}/s)"
    state, stats = now.state, now.stats
    return [
        ("cameras", [("entries", entries), ("exits", exits)]),
        ("RabbitMQ", [("queued", f"{now.queued:,}"), ("dead letters", f"{now.dead:,}")]),
        ("log", [("records", f"{state.position:,}"), ("behind", f"{state.lag:,}")]),
        ("visits", [("inside", f"{state.inside:,}"), ("pending", f"{state.pending:,}")]),
        ("outbox", [("waiting", f"{state.outbox_depth:,}"), ("parked", f"{state.parked:,}")]),
        ("on disk", [(outcome, f"{stats.current.get(outcome, 0):,}") for outcome in _OUTCOMES]),
        ("exit to disk", [("p50/p95/p99", spread(stats.exit_to_disk_ms))]),
        ("when pending", [("pending p50/p95/p99", spread(stats.held_exit_to_disk_ms))]),
    ]


_OUTCOMES: Final = ("completed", "entry_missed", "exit_missed")


def spread(found: Milliseconds | None) -> str:
    """Return three percentiles: ``4.1 / 9.0 / 21.3 ms``."""
    values = (found.p50, found.p95, found.p99) if found else ()
    told = " / ".join(f"{value:,.1f}" for value in values if value is not None)
    return f"{told} ms" if told else "-"
