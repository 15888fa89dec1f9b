"""What came of it: a table for people, one JSON object for programs, and how each failure is repeated."""

import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from parkstream_devtools.made_parts import marks_of
from rich.console import Console
from rich.table import Table

from fuzzing.run import Tally
from fuzzing.target import Failure

ROOT: Final = Path(__file__).parents[1]
RESULT: Final = ROOT / "docs" / "results" / "fuzz.json"
PAGE: Final = ROOT / "docs" / "security.md"
MARKS: Final = marks_of("fuzzing.report")
HEAD: Final = "| target | inputs | accepted | refused | failed |\n|---|---:|---:|---:|---:|\n"
FOLDER: Final = Path(".fuzz")
"""Where inputs are kept for which something failed."""
COLUMNS: Final = ("target", "inputs", "accepted", "refused", "per second", "failures")
STEPS: Final = 20
"""So often it says how far it is, where nobody looks."""
_console: Final = Console(stderr=True)


def say(text: str) -> None:
    """Print a line beside the result."""
    _console.print(text, highlight=False, markup=False, soft_wrap=True)


class Progress:
    """Says now and then how far it is; and of each failure at once what it was, and how it is repeated."""

    def __init__(self, inputs: int) -> None:
        self._inputs = inputs
        self._done: dict[str, int] = {}
        self._reported: set[tuple[str, tuple[str, str]]] = set()

    def __call__(self, tally: Tally) -> None:
        """Take how far a target is."""
        before = sum(self._done.values())
        self._done[tally.target] = tally.inputs
        total = sum(self._done.values())
        for failure in tally.failures:
            self._report(failure)
        if _console.is_terminal:
            _console.print(f"{total:,} of {self._inputs:,} inputs", end="\033[K\r", highlight=False)
        elif total * STEPS // self._inputs > before * STEPS // self._inputs:
            say(f"{total:,} of {self._inputs:,} inputs")

    def _report(self, failure: Failure) -> None:
        which = failure.target, failure.kind
        if which not in self._reported:
            self._reported.add(which)
            say(f"{failure.target}: {failure.error} ({failure.where or 'anywhere'})")
            say(f"  ./dev fuzz {failure.target} --replay {failure.saved(FOLDER)}")


def shown(tallies: Sequence[Tally], seed: int) -> None:
    """Print a table."""
    table = Table(title=f"fuzzing, seed {seed}", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column == "target" else "right")
    for one in [*tallies, _total(tallies)]:
        figures = one.inputs, one.accepted, one.refused, one.per_second, one.failed
        table.add_row(one.target, *(f"{figure:,}" for figure in figures))
    _console.print(table)


def printed(tallies: Sequence[Tally], seed: int, words: Sequence[str]) -> None:
    """Print all of it, and with which *words* it is run again, as JSON."""
    result: dict[str, Any] = {
        "command": shlex.join(["./dev", "fuzz", *words]),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": seed,
        "python": platform.python_version(),
        "inputs": _total(tallies).inputs,
        "failed": _total(tallies).failed,
        "results": [_row(one) for one in tallies],
    }
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(result), indent=2).decode() + "\n")


def table(result: Mapping[str, Any]) -> str:
    """Return *result*, as it was printed, as it stands on a page."""
    figures = ("inputs", "accepted", "refused", "failed")
    rows = result["results"]
    total = {"target": "all", **{name: sum(row[name] for row in rows) for name in figures}}
    lines = "".join(
        f"| {row['target']} | {' | '.join(f'{row[name]:,}' for name in figures)} |\n" for row in (*rows, total)
    )
    command = result["command"].removesuffix(" --json")
    return (
        f"On {result['at'][:10]}, `{command}` tried {total['inputs']:,} inputs; {total['failed']:,} failed:\n\n"
        f"{HEAD}{lines}"
    )


def kept() -> dict[str, Any]:
    """Return the result that is in the tree."""
    found: dict[str, Any] = msgspec.json.decode(RESULT.read_bytes())
    return found


def _row(one: Tally) -> dict[str, Any]:
    failures = [
        {"error": failure.error, "where": failure.where, "file": str(failure.saved(FOLDER))} for failure in one.failures
    ]
    figures = {name: getattr(one, name) for name in ("target", "inputs", "accepted", "refused", "failed", "per_second")}
    return {**figures, "failures": failures}


def _total(tallies: Sequence[Tally]) -> Tally:
    """Return all of them as one."""
    names = ("inputs", "accepted", "refused", "failed", "seconds")
    return Tally(target="all", **{name: sum(getattr(one, name) for one in tallies) for name in names})


if __name__ == "__main__":
    MARKS.put(PAGE, table(kept()))
