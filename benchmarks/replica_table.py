"""The section of ``docs/performance.md`` on replicas of Redis, made from ``docs/results/replicas.json``."""

from collections.abc import Mapping
from typing import Any

_SECTION = """## Waiting for a replica

The same drain ({pairs:,} entries and as many exits, untraced) and the same {rate:g} events/s, on one Redis and on one
with a replica that backends wait for (`PARKSTREAM_REDIS_REPLICAS_MIN=1`); its process and disk are on the same machine.
Repeat: `./dev bench replicas`.

| replicas | events/s | CPU µs per event | exit → disk p50 | p95 | p99 ms | pending p50 | p95 | p99 ms |
|---:|---:|---:|---:|---:|---:|---:|---:|---:|
{rows}

{note}
"""


def section(result: Mapping[str, Any]) -> str:
    """Return it."""
    rows = result["results"]
    return _SECTION.format(
        pairs=rows[0]["pairs"], rate=rows[0]["rate"], rows="\n".join(map(_row, rows)), note=result.get("note", "")
    )


def _row(row: Mapping[str, Any]) -> str:
    times = [row[kind][p] for kind in ("exit_to_disk_ms", "pending_exit_to_disk_ms") for p in ("p50", "p95", "p99")]
    figures = " | ".join(f"{one:,.1f}" for one in times)
    return f"| {row['replicas']} | {row['events_per_second']:,.0f} | {row['cpu_us_per_event']['all']:.0f} | {figures} |"
