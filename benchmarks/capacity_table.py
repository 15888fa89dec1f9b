"""The table of ``docs/scaling.md``, made from ``docs/results/capacity.json``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "scaling.md"
MARKS = "<!-- made by `./dev bench all` -->\n", "<!-- made so far -->\n"
COLUMNS = ("server_ms_per_second", "mall_ms_per_second", "cpu_us_per_event", "rss_mib")
_TABLE = """On {machine}

| role | itself, ms a second | each mall, ms a second | each event, µs | memory, MiB |
|---|---:|---:|---:|---:|
{roles}

Whether that predicts, all roles together:

| malls | events/s each | predicted, ms a second | measured | ratio |
|---:|---:|---:|---:|---:|
{loads}
"""


def write(row: Mapping[str, Any], machine: str) -> None:
    """Put the table of *row*, measured on *machine*, into its page."""
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), row, machine), encoding="utf-8")


def page(text: str, row: Mapping[str, Any], machine: str) -> str:
    """Return the page *text* with that table in it."""
    (before, rest), (begin, end) = text.split(MARKS[0]), MARKS
    return f"{before}{begin}\n{_table(row, machine)}\n{end}{rest.split(end)[1]}"


def _table(row: Mapping[str, Any], machine: str) -> str:
    roles = [f"| {role} | {' | '.join(f'{row[one][role]:,.0f}' for one in COLUMNS)} |" for role in row["rss_mib"]]
    loads = [
        f"| {one['malls']} | {one['rate']:g} | {one['predicted_ms']:,.0f} | {one['measured_ms']:,.0f} "
        f"| {one['ratio']:.2f} |"
        for one in row["loads"]
    ]
    return _TABLE.format(machine=machine, roles="\n".join(roles), loads="\n".join(loads))
