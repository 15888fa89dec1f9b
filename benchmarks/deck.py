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
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import charts
from benchmarks.tour import TOUR

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
DECK = ROOT / "docs" / "deck"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_MADE_BY = {"trace": "./dev demo --seconds 20 --json > docs/results/trace.json"}


def main() -> None:
    """Build the deck."""
    parser = argparse.ArgumentParser(
        prog="./dev deck", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--no-pdf", action="store_true", help="write the HTML only; needs no browser")
    options = parser.parse_args()
    (DECK / "deck.html").write_text(page(), encoding="utf-8")
    print(f"written {DECK / 'deck.html'}")
    if not options.no_pdf:
        _print_to_pdf(DECK / "deck.html", DECK / "deck.pdf")


def page() -> str:
    """Return the slides with the results in ``docs/results``."""
    template = (DECK / "template.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: _PARTS[found[1]](), template)


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


def _drain() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = _results("drain")["results"]
    return rows


def _cpu() -> str:
    """Return where the CPU time of one event goes."""
    rows = {row["traced"]: row for row in _drain() if row["name"] == "parkstream"}
    names = [name for name in rows[False]["cpu_us_per_event"] if name != "all"]
    return _table(
        ("CPU µs per event", *names, "all"),
        (
            ("traced" if traced else "untraced", *(f"{row['cpu_us_per_event'][name]:.0f}" for name in (*names, "all")))
            for traced, row in sorted(rows.items())
        ),
    )


def _latency() -> str:
    """Return the latency of exits that are decided on arrival, untraced beside traced."""
    found = {(row["rate"], row["traced"]): row for row in _results("latency")["results"] if not row["pending"]}
    columns = [(traced, p) for traced in (False, True) for p in ("p50_ms", "p99_ms")]
    return _table(
        ("events/s", "p50, ms", "p99, ms", "traced: p50, ms", "p99, ms"),
        (
            (f"{rate:g}", *(f"{found[rate, traced][p]:.1f}" for traced, p in columns))
            for rate in sorted({rate for rate, _ in found})
        ),
    )


def _pending() -> str:
    """Return how long half of the exits without an entry take, in seconds: the allowed lateness, and hardly more."""
    return f"{max(row['p50_ms'] for row in _results('latency')['results'] if row['pending']) / 1_000:.1f}"


def _grow() -> str:
    """Return what an event costs as the log grows."""
    return _table(
        ("events in the log", "Redis bytes per event", "CPU µs per event", "record, MiB"),
        (
            (
                f"{row['events']:,}",
                f"{row['redis_bytes_per_event']:.0f}",
                f"{row['cpu_us_per_event']['all']:.0f}",
                f"{row['rss_mib']['record']:.0f}",
            )
            for row in _results("grow")["results"]
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [("th", head), *(("td", row) for row in rows)]
    cells = ("".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in row) for kind, row in lines)
    return "<table>" + "".join(f"<tr>{row}</tr>" for row in cells) + "</table>"


def _implementation() -> str:
    """Return the rows of the second slide."""
    return "\n".join(
        f"<tr><td>{html.escape(stop.part)}</td><td><code>{_shortened(stop.path)}</code><br>"
        f"<code>{', '.join(stop.names)}</code></td><td>{html.escape(stop.why)}</td></tr>"
        for stop in TOUR
    )


def _shortened(path: str) -> str:
    """Leave out the folder that is called like the member."""
    member, _, module = path.partition("/src/")
    return f"{member}/…/{module.partition('/')[2]}"


def _machine() -> str:
    machine = _results("drain")["machine"]
    return html.escape(
        f"{machine['cores']} cores ({machine['cpu']}), Python {machine['python']}, RabbitMQ {machine['rabbitmq']}"
    )


def _ratio() -> str:
    rows = {row["traced"]: row for row in _drain() if row["name"] == "parkstream"}
    untraced, traced = (rows[traced].get("ratio_to_aio_pika", 0) for traced in (False, True))
    return f"{untraced:g} times that speed untraced, {traced:g} times traced"


def _replay() -> str:
    row = _results("log")["results"][0]
    head = (f"{row['events']:,} records, a year of a mall", "seconds")
    steps = (
        ("read, fold, hash, compare with the live state: equal", "check_seconds"),
        ("rebuild into Redis beside the live version", "rebuild_seconds"),
        ("verify log, id index, outbox and summary file", "verify_seconds"),
    )
    return _table(head, ((step, f"{row[name]:.1f}") for step, name in steps if row["hash_equal"]))


def _share() -> str:
    """Return how the exits of the demo ended."""
    demo = _results("trace")
    exits = demo["completed"] + demo["entry_missed"]
    matched = f"{demo['completed']:,} <code>completed</code> ({demo['completed'] / exits:.1%})"
    return f"{exits:,} exits of a demo: {matched}, {demo['entry_missed']:,} <code>entry_missed</code>."


def _files(folder: str) -> str:
    return str(len(list((ROOT / "signoz" / folder).glob("*.json"))))


_PARTS: dict[str, Callable[[], str]] = {
    "replay": _replay,
    "bars": lambda: charts.bars(_drain()),
    "cpu": _cpu,
    "latency": _latency,
    "pending": _pending,
    "grow": _grow,
    "waterfall": lambda: charts.waterfall(_results("trace")["trace"]),
    "implementation": _implementation,
    "machine": _machine,
    "ratio": _ratio,
    "share": _share,
    "dashboards": lambda: _files("dashboards"),
    "alerts": lambda: _files("rules"),
}

if __name__ == "__main__":
    main()
