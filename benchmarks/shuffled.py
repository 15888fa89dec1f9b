"""The drain with its sightings in any order at all: late entries correct summaries.

The account says when it ends: an exit that is recorded long before its entry is summarised twice.
"""

import asyncio
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack

from parkstream_devtools import RabbitServer, Sandbox
from parkstream_devtools.overview import overview_of

from benchmarks import drain, load, stack
from benchmarks.meter import cpu_us_per_event
from benchmarks.results import Row, say

LOOK_SECONDS = 0.05


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, pairs: int) -> Row:
    """Drain *pairs* entries and as many exits, shuffled altogether, until the account balances."""
    put_through = load.paired(pairs, math.inf)
    events = len(put_through.sightings)
    with ExitStack() as at_work:
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, {}))
        asyncio.run(drain.fill(run.rabbitmq_url, put_through, traced=False))
        started = drain.backends(run, at_work)
        meter = drain.watched(run, rabbitmq, started)
        lines = stack.LineCounter(run.summary_file)
        stack.until(drain.has_begun(run, "parkstream"), "the first event is taken", 60)
        before, begun = meter.read(), time.perf_counter()
        stack.until(_balanced(run.redis.url, lines, put_through), "the account", drain.TIMEOUT_SECONDS, LOOK_SECONDS)
        seconds, after = time.perf_counter() - begun, meter.read()
    row: Row = {
        "name": "parkstream",
        "events": events,
        "lines": lines.lines,
        "corrected": lines.lines - put_through.lines,
        "seconds": round(seconds, 3),
        "events_per_second": round(events / seconds, 1),
        "cpu_us_per_event": cpu_us_per_event(before, after, events),
    }
    say(f"  full shuffle: {row['events_per_second']:,.0f} events/s, {row['corrected']:,} visits corrected")
    return row


def _balanced(redis_url: str, lines: stack.LineCounter, put_through: load.Load) -> Iterator[bool]:
    """Yield whether every exit is in one current visit, with its entry if there is one, and every summary on disk."""
    matched = (put_through.lines - 1) * load.MATCHED_OF_FIVE // 5 + 1  # The closing visit.
    while True:
        now = overview_of(redis_url, stack.MALL)
        counters = now.counters
        waiting = now.lag + now.pending + now.outbox_depth
        drained = now.position >= len(put_through.sightings) and not waiting
        decided = counters["completed"] == matched and counters["entry_missed"] == put_through.lines - matched
        yield drained and decided and lines.read() == counters["emitted"]
