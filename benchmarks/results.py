"""What a benchmark says: a table for people, one JSON object for programs."""

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine

Row = dict[str, Any]
_console = Console(stderr=True)


def say(text: str) -> None:
    """Show progress (on stderr)."""
    _console.print(text, highlight=False)


def medians(rows: Iterable[Row], by: Sequence[str]) -> list[Row]:
    """Return one row per value of *by*: medians of the numbers, also one level deep, and the repeats."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in by), []).append(row)
    return [_median(group, by) for group in groups.values()]


def _median(group: list[Row], by: Sequence[str]) -> Row:
    first = group[0]
    merged: Row = {"repeats": len(group)}
    for name, value in first.items():
        values = [row[name] for row in group]
        if isinstance(value, bool):
            merged[name] = all(values)
        elif name in by or not isinstance(value, int | float | Mapping):
            merged[name] = value
        elif isinstance(value, Mapping):
            merged[name] = {key: _middle([one.get(key, 0.0) for one in values]) for key in value}
        else:
            merged[name] = _middle(values)
            merged.setdefault("of", {})[name] = values
    return merged


def _middle(values: Sequence[float]) -> float:
    return round(statistics.median(values), 3)


def report(name: str, rows: list[Row], columns: Sequence[str], path: Path | None, **more: object) -> Path:
    """Print *rows* as a table and write them, with the machine, to *path* (default: ``.bench/NAME.json``)."""
    table = Table(title=f"{name} (medians)", title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column in {"name", "process"} else "right")
    for row in rows:
        table.add_row(*(_shown(row.get(column)) for column in columns))
    _console.print(table)
    target = path or Path(".bench") / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).isoformat(timespec="seconds")
    target.write_text(
        json.dumps({"benchmark": name, "at": at, "machine": machine(), "results": rows, **more}, indent=2) + "\n"
    )
    say(f"written to {target}")
    return target


def _shown(value: object) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case float() | int():
            return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}".rstrip("0").rstrip(".")
        case Mapping():
            return " ".join(f"{key} {_shown(one)}" for key, one in value.items())
        case None:
            return ""
        case _:
            return str(value)
