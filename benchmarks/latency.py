"""Milliseconds from an exit's publishing to its summary on disk, at several rates.

Each sighting has an intended time of publishing; latency counts from that, whether or not the publisher kept it (no
coordinated omission). The percentiles are those of the summary-api itself, from ``GET /v1/stats``.
"""

import asyncio
import json
import urllib.request
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count

from aio_pika.abc import AbstractExchange
from parkstream_devtools import RabbitServer, Sandbox
from parkstream_events import topology
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited

from benchmarks import load, stack
from benchmarks.results import Row, say
from benchmarks.spans import discarding

STAY_SECONDS = 1.0
LATENESS_SECONDS = 2.0


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, rate: float, seconds: float, *, traced: bool) -> list[Row]:
    """Publish *rate* events/s for *seconds* and return the percentiles: decided on arrival, and pending."""
    with ExitStack() as at_work:
        sink = at_work.enter_context(discarding(sandbox)) if traced else None
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, sink.environ if sink else {}))
        backend = run.backend("record,project,deliver", "backend")
        at_work.callback(backend.terminate)
        backend.wait_ready()
        exits = asyncio.run(_drive(run.rabbitmq_url, rate, seconds))
        lines = stack.LineCounter(run.summary_file)
        stack.until((lines.read() >= exits for _ in count()), f"{exits} lines at {rate:g} events/s", 60)
        stats = json.loads(urllib.request.urlopen(f"{run.summary_api.url}/v1/stats").read())
    rows = []
    for pending, name in ((False, "exit_to_disk_ms"), (True, "pending_exit_to_disk_ms")):
        figures = {f"{p}_ms": round(stats[name][p], 2) for p in ("p50", "p95", "p99")}
        rows.append({"name": "parkstream", "rate": rate, "traced": traced, "pending": pending, **figures})
        say(f"  {rate:g}/s{' traced' if traced else ''}{' pending' if pending else ''}: {figures}")
    return rows


async def _drive(url: str, rate: float, seconds: float) -> int:
    """Publish pairs on time; return how many exits there were. Entries go on until the last exit is decided."""
    pairs = int(rate * seconds / 2)
    gap = timedelta(seconds=2 / rate)
    begin = datetime.now(UTC) + timedelta(seconds=0.2)
    stay = timedelta(seconds=STAY_SECONDS)
    more = int((STAY_SECONDS + LATENESS_SECONDS + 1) * rate / 2)
    plan: list[tuple[datetime, Sighting]] = []
    for n in range(pairs + more):
        at = begin + n * gap
        plan.append((at, VehicleEntered(f"entry-{n:08d}", f"A{n:08d}", at)))
        if n < pairs:
            plate = f"A{n:08d}" if n % 5 < load.MATCHED_OF_FIVE else f"Z{n:08d}"
            left = at + stay + gap / 2
            plan.append((left, VehicleExited(f"exit-{n:08d}", plate, left)))
    async with load.exchange_at(url) as exchange, asyncio.TaskGroup() as group:
        for at, sighting in sorted(plan, key=lambda one: one[0]):
            await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
            group.create_task(_publish(exchange, sighting, at))
    return pairs


async def _publish(exchange: AbstractExchange, sighting: Sighting, at: datetime) -> None:
    key = topology.ENTERED_KEY if isinstance(sighting, VehicleEntered) else topology.EXITED_KEY
    await exchange.publish(load.message_of(sighting, at=at), key, mandatory=True)
