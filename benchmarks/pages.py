"""``docs/performance.md``, made from the results in ``docs/results``."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import capacity_table, replica_table

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "performance.md"
TRIED = ROOT / "docs" / "performance-tried.md"

_HEAD = """# Performance

Made by `./dev bench all`, which runs the benchmarks and writes this page; change the benchmarks or
`docs/performance-tried.md`, not this file. Figures of different runs do not compare: only ratios within one run do.

{machine}
"""
_DRAIN = """## Drain

{pairs:,} entries and {pairs:,} exits wait in the queues; 80 % of the exits match an entry; the order is shuffled within
the allowed lateness. Time is counted from the first event taken to the last line on disk. RabbitMQ, Redis (fsync
always) and summary-api run on the same cores. `aio-pika` is a hand-written batch consumer with the same durability and
as many processes; `naive` makes one Redis round trip and one POST per event. Repeat: `./dev bench drain`.

| candidate | traced | events/s | of aio-pika | CPU µs per event | where |
|---|---|---:|---:|---:|---|
{rows}

Fully shuffled (untraced), late entries correct the summaries of {corrected:,.0f} exits, so that {lines:,.0f} lines are
written; the queues drain at {shuffled:,.0f} events/s.
"""
_LATENCY = """## Latency

From an exit's publishing to its line on disk, in milliseconds; open loop: counted from the time at which it should have
been published. Repeat: `./dev bench latency`.

| events/s | traced | p50 | p95 | p99 |
|---:|---|---:|---:|---:|
{rows}

An exit whose entry is missing is pending until every gate has caught up: the allowed lateness of 2 s, and the next
report of the slowest gate (two each way here, with 60 and 40 % of the cars).

| events/s | traced | pending p50 | p95 | p99 |
|---:|---|---:|---:|---:|
{pending}

{note}
What is pending when the last car has passed waits until all gates are silent: `silence_grace` (5 s) more.
"""
_PUBLISH = """## Publish

Confirmed events per second of each generator when it publishes as fast as it can. Repeat: `./dev bench publish`.

| generator | traced | events/s | CPU µs per event |
|---|---|---:|---:|
{rows}
"""
_PLATE = """## One plate

CPU µs of one sighting: folded, and the plate encoded and hashed, when each commit holds one. A plate keeps 1,000
sightings that are not final; the next ones are too many. Repeat: `./dev bench plate`.

| a plate that | sightings | fold | write | bytes |
|---|---:|---:|---:|---:|
{rows}
"""
_GATES = """## A gate that is cut off

100 sightings/s by two entry and two exit gates; the link of one entry gate is down, and then its sightings come
as a backlog. Of two backends one may stand still for half of that time. The account balances each time, and every
correction is one that [the guarantees](guarantees.md#what-is-not-promised) allow. Repeat: `./dev bench gates`.

| backends | link down | sightings | corrected | why |
|---|---:|---:|---:|---|
{rows}

`completed`: the visit rested on sightings that exist, and an earlier entry came late; `silent`: the gate was silent for
longer than `silence_grace`; `overtaken`: a backend that stood still had the sighting, and others recorded later ones of
its gate.
"""
_CONSOLE = """## The console

CPU time of the pipeline's processes (RabbitMQ and Redis among them) per event while {viewers:,} people look at Now and
one more reads nothing, and without a console, in turn; {rate:,.0f} changes a second, {cars:,} cars inside, {records:,}
records in the end. Repeat: `./dev bench console --records 1000000 --seconds 20`.

| CPU µs per event | without | ratio (median) | each time | its memory at the start, MiB | in the middle | in the end |
|---:|---:|---:|---|---:|---:|---:|
{row}

{note}
"""
_GROW = """## Grow

The same drain at growing sizes: what one event costs, and the memory and open files of each process at the end.
Repeat: `./dev bench grow`.

| events | events/s | Redis bytes per event | CPU µs per event | RSS MiB | open files |
|---:|---:|---:|---:|---|---|
{rows}
"""
_LOG = """## The log

A year of a mall, {events:,} records whose times are spread over it, in a Redis with `appendfsync always` on the same
cores; each step runs in a process of its own. Repeat: `./dev bench log --events 1000000`.

| step | seconds |
|---|---:|
| `parkstream log import` | {import_seconds:.1f} |
| projected live, batch by batch as a backend does | {live_projector_seconds:.1f} |
| `parkstream replay --check`: read, folded, hashed, compared (CPU: {check_cpu_seconds:.1f}) | {check_seconds:.1f} |
| rebuilt into another version in Redis | {rebuild_seconds:.1f} |
| `parkstream log verify` | {verify_seconds:.1f} |

All state hashes {equal}. A check needs {rss_mib_100k:.0f} MiB of memory at 100,000 records and {rss_mib_1m:.0f} MiB at
{events:,}, in two processes. A commit of the rebuild stops Redis for {p50:.1f} ms (median; p99 {p99:.1f}). A record
takes {redis_bytes_per_event:.0f} bytes in Redis. A check of {compared_events:,} records takes {check_to_lists:.2f}
times as long as the same fold over plain lists in memory, and {check_to_eventsourcing:.2f} times as long as with the
in-memory recorder of the `eventsourcing` library; neither of these reads Redis.
"""


def write() -> Path:
    """Write the page from the results, and the table of docs/scaling.md; return the page's path."""
    PAGE.write_text(text(), encoding="utf-8")
    capacity = _result("capacity")
    capacity_table.write(capacity["results"][0], machine_of(capacity))
    return PAGE


def text() -> str:
    """Return the page as the results in ``docs/results`` give it."""
    drain = _result("drain")
    parts = [
        _HEAD.format(machine=machine_of(drain)),
        _drain(drain),
        _latency(_result("latency")),
        _PUBLISH.format(rows=_lines(map(_publish_row, _result("publish")["results"]))),
        _GROW.format(rows=_lines(map(_grow_row, _result("grow")["results"]))),
        _log(_result("log")["results"][0]),
        _console(_result("console")),
        replica_table.section(_result("replicas")),
        _GATES.format(rows=_lines(map(_gates_row, _result("gates")["results"]))),
        _PLATE.format(rows=_lines(map(_plate_row, _result("plate")["results"]))),
        TRIED.read_text(encoding="utf-8").replace("# What was tried", "## What was tried", 1),
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _drain(drain: Mapping[str, Any]) -> str:
    full = drain["full_shuffle"][0]
    return _DRAIN.format(
        pairs=drain["pairs"],
        rows=_lines(_drain_row(row) for row in _by_speed(drain["results"])),
        corrected=full["corrected"],
        lines=full["lines"],
        shuffled=full["events_per_second"],
    )


def _latency(latency: Mapping[str, Any]) -> str:
    rows = latency["results"]
    return _LATENCY.format(
        note=latency.get("pending_note", ""),
        rows=_lines(_latency_row(row) for row in rows if not row["pending"]),
        pending=_lines(_latency_row(row) for row in rows if row["pending"]),
    )


def _log(row: Mapping[str, Any]) -> str:
    return _LOG.format(**row, **row["commit_ms"], equal="are equal" if row["hash_equal"] else "DIFFER")


def _console(console: Mapping[str, Any]) -> str:
    row = console["results"][0]
    rss = " | ".join(f"{row['rss_mib'][when]:.0f}" for when in ("start", "middle", "end"))
    each = ", ".join(f"{one:.3f}" for one in row["ratios"])
    figures = f"{row['cpu_us_with']:.0f} | {row['cpu_us_without']:.0f} | {row['cpu_ratio']:.3f} | {each}"
    return _CONSOLE.format(**row, row=f"| {figures} | {rss} |", note=console.get("note", ""))


def _result(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    return result


def _lines(rows: Iterable[str]) -> str:
    return "\n".join(rows)


def machine_of(result: Mapping[str, Any]) -> str:
    """Return where *result* was measured."""
    machine = result["machine"]
    return (
        f"{machine['cores']} cores ({machine['cpu']}), {machine['memory_gib']:.0f} GiB, Linux {machine['kernel']}, "
        f"Python {machine['python']}, RabbitMQ {machine['rabbitmq']}, {machine['redis'].split(' sha')[0]}."
    )


def _by_speed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["traced"], -row["events_per_second"]))


def _drain_row(row: Mapping[str, Any]) -> str:
    spent = dict(row["cpu_us_per_event"])
    total = spent.pop("all")
    where = ", ".join(f"{name} {us:.0f}" for name, us in spent.items())
    ratio = row.get("ratio_to_aio_pika", "")
    return f"| {row['name']} | {_yes(row)} | {row['events_per_second']:,.0f} | {ratio} | {total:.0f} | {where} |"


def _latency_row(row: Mapping[str, Any]) -> str:
    figures = " | ".join(f"{row[name]:,.1f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
    return f"| {row['rate']:g} | {_yes(row)} | {figures} |"


def _publish_row(row: Mapping[str, Any]) -> str:
    return f"| {row['name']} | {_yes(row)} | {row['events_per_second']:,.0f} | {row['cpu_us_per_event']['all']:.0f} |"


def _grow_row(row: Mapping[str, Any]) -> str:
    in_memory = " | ".join(
        ", ".join(f"{name} {value:.0f}" for name, value in row[field].items()) for field in ("rss_mib", "open_files")
    )
    cost = f"{row['redis_bytes_per_event']:.0f} | {row['cpu_us_per_event']['all']:.0f}"
    return f"| {row['events']:,} | {row['events_per_second']:,.0f} | {cost} | {in_memory} |"


def _gates_row(row: Mapping[str, Any]) -> str:
    why = ", ".join(f"{name} {count:,.0f}" for name, count in sorted(row["reasons"].items()))
    return (
        f"| {row['name']} | {row['outage_seconds']:g} s | {row['sightings']:,.0f} | {row['corrected']:,.0f} | {why} |"
    )


def _plate_row(row: Mapping[str, Any]) -> str:
    figures = f"{row['fold_us']:,.0f} | {row['write_us']:,.0f} | {row['bytes']:,.0f}"
    return f"| {row['name']} | {row['sightings']:,.0f} | {figures} |"


def _yes(row: Mapping[str, Any]) -> str:
    return "yes" if row["traced"] else "no"
