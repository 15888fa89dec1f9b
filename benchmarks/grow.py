"""Cost per event and memory of each process, at 10,000, 100,000 and 1,000,000 events."""

import asyncio
import time
from contextlib import ExitStack
from itertools import count

import redis
from parkstream_devtools import RabbitServer, Sandbox

from benchmarks import drain, load, stack
from benchmarks.meter import Usage, cpu_us_per_event
from benchmarks.results import Row, say

TIMEOUT_SECONDS = 1_800
MIB = 2**20


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, events: int, shuffled_within_seconds: float) -> Row:
    """Drain *events* and read every process at the end."""
    put_through = load.paired(events // 2, shuffled_within_seconds)
    with ExitStack() as at_work:
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, {}))
        asyncio.run(_fill(run.rabbitmq_url, put_through))
        say(f"  {events:,} events are in the queues")
        started = drain.parkstream(run, at_work)
        meter, lines = drain.watched(run, rabbitmq, started), stack.LineCounter(run.summary_file)
        stack.until(drain.has_begun(run, "parkstream"), "the first event is taken", 60)
        before, begun = meter.read(), time.perf_counter()
        stack.until(
            (lines.read() >= put_through.lines for _ in count()), f"{put_through.lines} lines", TIMEOUT_SECONDS, 0.05
        )
        seconds, after = time.perf_counter() - begun, meter.read()
        total = len(put_through.sightings)
        row: Row = {
            "name": "parkstream",
            "events": events,
            "events_per_second": round(total / seconds, 1),
            "cpu_us_per_event": cpu_us_per_event(before, after, total),
            "redis_bytes_per_event": round(_memory(run.redis.url) / total, 1),
            "rss_mib": _of(after, "rss_bytes", MIB),
            "open_files": _of(after, "open_files", 1),
        }
    say(f"  {events:,} events: {row['events_per_second']:,.0f} events/s, rss {row['rss_mib']}")
    return row


async def _fill(url: str, put_through: load.Load) -> None:
    async with load.exchange_at(url) as exchange:
        await load.publish(exchange, put_through.sightings)


def _memory(url: str) -> int:
    with redis.Redis.from_url(url) as client:
        info = client.info("memory")
        return int(info["used_memory_dataset"])  # type: ignore[index]


def _of(usages: dict[str, Usage], field: str, unit: int) -> dict[str, float]:
    return {name: round(getattr(usage, field) / unit, 1) for name, usage in usages.items()}
