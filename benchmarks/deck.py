"""The deck: three slides (design, implementation, performance) as one HTML file and a PDF.

``./dev deck`` builds ``docs/deck/deck.html`` from the latest benchmark results and a real trace, and prints it to
``docs/deck/deck.pdf`` with a Chromium found on PATH.
"""

import argparse
import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.tour import TOUR

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
DECK = ROOT / "docs" / "deck"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_MADE_BY = {"trace": "./dev demo --seconds 20 --json > docs/results/trace.json"}
_COLOURS = {
    "parkstream-entry-generator": "#5b8def",
    "parkstream-exit-generator": "#5b8def",
    "parkstream-backend": "#0b7a75",
    "parkstream-summary-api": "#d17b0f",
}


def main() -> None:
    """Build the deck."""
    parser = argparse.ArgumentParser(
        prog="./dev deck", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--no-pdf", action="store_true", help="write the HTML only; needs no browser")
    options = parser.parse_args()
    page = (DECK / "template.html").read_text(encoding="utf-8")
    filled = re.sub(r"\{\{(\w+)\}\}", lambda found: _PARTS[found[1]](), page)
    (DECK / "deck.html").write_text(filled, encoding="utf-8")
    print(f"written {DECK / 'deck.html'}")
    if not options.no_pdf:
        _print_to_pdf(DECK / "deck.html", DECK / "deck.pdf")


def _print_to_pdf(page: Path, pdf: Path) -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit("no Chromium on PATH: install one (Debian: apt-get install chromium), or use --no-pdf")
    with tempfile.TemporaryDirectory() as profile:
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update", "--disable-sync", f"--user-data-dir={profile}", "--no-pdf-header-footer",
                f"--print-to-pdf={pdf}", page.as_uri(),
            ],
            check=True,
            capture_output=True,
            timeout=120,
        )  # fmt: skip
    print(f"written {pdf}")


def _results(name: str) -> dict[str, Any]:
    path = RESULTS / f"{name}.json"
    if not path.exists():
        sys.exit(f"{path.relative_to(ROOT)} is missing: run {_MADE_BY.get(name, './dev bench all')}")
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return result


def _bars() -> str:
    """Return the drain as horizontal bars."""
    rows = _results("drain")["results"]
    top = max(row["events_per_second"] for row in rows)
    parts = []
    for n, row in enumerate(sorted(rows, key=lambda one: (one["traced"], -one["events_per_second"]))):
        y = n * 30
        width = 330 * row["events_per_second"] / top
        colour = "#0b7a75" if row["name"] == "parkstream" else "#b8c4ce"
        label = f"{row['name']}{', traced' if row['traced'] else ''}"
        parts.append(f'<text x="0" y="{y + 15}">{html.escape(label)}</text>')
        parts.append(f'<rect x="190" y="{y + 2}" width="{width:.0f}" height="18" rx="3" fill="{colour}"/>')
        parts.append(f'<text x="{196 + width:.0f}" y="{y + 15}" class="n">{row["events_per_second"]:,.0f}</text>')
    return f'<svg viewBox="0 0 590 {len(rows) * 30}" role="img" aria-label="events per second">{"".join(parts)}</svg>'


def _cpu() -> str:
    """Return where the CPU time of one event goes."""
    rows = {row["traced"]: row for row in _results("drain")["results"] if row["name"] == "parkstream"}
    names = [name for name in rows[False]["cpu_us_per_event"] if name != "all"]
    head = "<tr><th>CPU µs per event</th>" + "".join(f"<th>{name}</th>" for name in (*names, "all")) + "</tr>"
    return f"<table>{head}{''.join(_cpu_row(rows, traced, (*names, 'all')) for traced in sorted(rows))}</table>"


def _cpu_row(rows: Mapping[bool, dict[str, Any]], traced: bool, names: Iterable[str]) -> str:  # noqa: FBT001 - a key
    cells = "".join(f"<td>{rows[traced]['cpu_us_per_event'][name]:.0f}</td>" for name in names)
    return f"<tr><td>{'traced' if traced else 'untraced'}</td>{cells}</tr>"


def _latency() -> str:
    """Return the latency table: exit published → line on disk."""
    rows = [row for row in _results("latency")["results"] if row["traced"]]
    head = "<tr><th>exit published → on disk, traced</th><th>p50</th><th>p95</th><th>p99</th></tr>"
    body = "".join(
        f"<tr><td>{row['rate']:g} events/s, {'held' if row['held'] else 'decided on arrival'}</td>"
        + "".join(f"<td>{row[p]:,.1f} ms</td>" for p in ("p50_ms", "p95_ms", "p99_ms"))
        + "</tr>"
        for row in sorted(rows, key=lambda one: (one["held"], one["rate"]))
    )
    return f"<table>{head}{body}</table>"


def _waterfall() -> str:
    """Return one car's trace as bars over time."""
    spans = _results("trace")["trace"]
    total = max(span["offset_ms"] + span["duration_ms"] for span in spans) or 1.0
    parts = []
    for n, span in enumerate(spans):
        x, width = 250 + 300 * span["offset_ms"] / total, max(2.0, 300 * span["duration_ms"] / total)
        service = span["service"].removeprefix("parkstream-")
        parts.append(
            f'<text x="0" y="{n * 24 + 15}">{html.escape(service)}'
            f' <tspan class="n">{html.escape(_short(span["span"]))}</tspan></text>'
        )
        colour = _COLOURS.get(span["service"], "#888")
        parts.append(f'<rect x="{x:.1f}" y="{n * 24 + 4}" width="{width:.1f}" height="14" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="560" y="{n * 24 + 15}" class="n">{span["duration_ms"]:.1f} ms</text>')
    return f'<svg viewBox="0 0 620 {len(spans) * 24}" role="img" aria-label="one trace">{"".join(parts)}</svg>'


def _short(span: str) -> str:
    """Leave out where a message went: the bar has little room."""
    return span.partition(" ")[0] if ":" in span else span


def _implementation() -> str:
    """Return the rows of the second slide."""
    return "\n".join(
        f"<tr><td>{html.escape(stop.part)}</td><td><code>{stop.path.replace('/src/', '/…/', 1)}</code><br>"
        f"<code>{', '.join(stop.names)}</code></td><td>{html.escape(stop.why)}</td></tr>"
        for stop in TOUR
    )


def _machine() -> str:
    machine = _results("drain")["machine"]
    return html.escape(
        f"{machine['cores']} cores ({machine['cpu']}), Python {machine['python']}, RabbitMQ {machine['rabbitmq']}"
    )


def _ratio() -> str:
    rows = {row["traced"]: row for row in _results("drain")["results"] if row["name"] == "parkstream"}
    untraced, traced = (rows[traced].get("ratio_to_aio_pika", 0) for traced in (False, True))
    return f"{untraced:g} times untraced, {traced:g} times traced"


def _replay() -> str:
    row = _results("log")["results"][0]
    return (
        f"A replay of {row['events']:,} records, a year of a mall, gives the live state bit for bit: checked in "
        f"{row['check_seconds']:.1f} s, rebuilt into Redis in {row['rebuild_seconds']:.1f} s."
    )


_PARTS = {
    "replay": _replay,
    "bars": _bars,
    "cpu": _cpu,
    "latency": _latency,
    "waterfall": _waterfall,
    "implementation": _implementation,
    "machine": _machine,
    "ratio": _ratio,
}

if __name__ == "__main__":
    main()
