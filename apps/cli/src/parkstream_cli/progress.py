"""A bar with rate and remaining time, on stderr, for what takes longer than a second."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from parkstream_cli.console import PlainConsole

SHOWN_AFTER_SECONDS: Final = 1.0


class Reached(Protocol):
    """Is called with how far the work has got."""

    def __call__(self, done: int, /, total: int | None = None) -> None:
        """Note that *done* of *total* is done; *total* may grow."""
        ...


class Rate(ProgressColumn):
    """How much is done per second."""

    def render(self, task: Task) -> Text:
        """Return the rate as text."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def progress(what: str, total: int | None = None, *, console: PlainConsole | None = None) -> Generator[Reached]:
    """Show how far *what* has got, once it has taken a second; yield what to call with how much is done."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    shown_on = console or PlainConsole(stderr=True)
    # Of a bar where there is no terminal an empty line is all that is left.
    bar = Progress(*columns, console=shown_on, transient=True, disable=not shown_on.is_terminal)
    task = bar.add_task(what, total=total)
    begun = time.monotonic()

    def reached(done: int, /, total: int | None = None) -> None:
        bar.update(task, completed=done, total=bar.tasks[0].total if total is None else total)
        if not bar.live.is_started and time.monotonic() - begun > SHOWN_AFTER_SECONDS:
            bar.start()

    try:
        yield reached
    finally:
        if bar.live.is_started:  # Else it would print an empty line.
            bar.stop()
