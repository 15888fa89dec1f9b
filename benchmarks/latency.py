"""Milliseconds from an exit's publishing to its summary on disk, at several rates.

Each sighting has an intended time of publishing; latency counts from that, whether or not the publisher kept it (no
coordinated omission). The percentiles are those of the summary-api itself, from ``GET /v1/stats``.

Two gates each way, and cars before and after the measured ones: until the gates without a name, which nobody uses here,
are known to be silent, and until the last measured exit is decided.
"""

import asyncio
import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple

from aio_pika.abc import AbstractExchange
from parkstream_devtools import RabbitServer, Sandbox
from parkstream_events import topology
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited

from benchmarks import load, stack
from benchmarks.results import Row, say
from benchmarks.spans import discarding

STAY_SECONDS = 1.0
LATENESS_SECONDS = 2.0
WARM_UP_SECONDS = 10.0
"""The grace of silence, the lateness, and some more."""
GATES_FIRST_OF_FIVE = 3
"""Cars of five that take the first gate of a direction."""


def measure(  # noqa: PLR0913 - one run has these parts
    sandbox: Sandbox, rabbitmq: RabbitServer, rate: float, seconds: float, *, traced: bool, replicas: int = 0
) -> list[Row]:
    """Publish *rate* events/s for *seconds* and return the percentiles: decided on arrival, and pending."""
    with ExitStack() as at_work:
        sink = at_work.enter_context(discarding(sandbox)) if traced else None
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, sink.environ if sink else {}, replicas=replicas))
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
    """Publish pairs on time; return how many exits there were, those before and after the measured ones included."""
    pairs = int(rate * seconds / 2)
    plan = sorted(_plan(rate, -int(WARM_UP_SECONDS * rate / 2), pairs), key=lambda one: one.at)
    begin = datetime.now(UTC) - plan[0].at + timedelta(seconds=0.2)
    async with load.exchange_at(url) as exchange, asyncio.TaskGroup() as group:
        for one in plan:
            at = begin + one.at
            await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
            group.create_task(_publish(exchange, one, at))
    return sum(one.is_exit for one in plan)


class Pass(NamedTuple):
    """A car passes a gate, so long after the beginning; who is measured carries when it was to be published."""

    at: timedelta
    number: int
    is_exit: bool
    is_measured: bool

    def sighting(self, at: datetime) -> Sighting:
        """Return what the camera publishes *at* that time."""
        nth, is_first = self.number % 10_000_000, self.number % 5 < GATES_FIRST_OF_FIVE
        if not self.is_exit:
            return VehicleEntered(f"entry-{nth:08d}", f"A{nth:08d}", at, "north" if is_first else "south")
        # The last ones are all matched: nothing that is pending at the end waits until the gates are silent.
        is_matched = nth % 5 < load.MATCHED_OF_FIVE or (self.number >= 0 and not self.is_measured)
        return VehicleExited(
            f"exit-{nth:08d}", f"{'A' if is_matched else 'Z'}{nth:08d}", at, "east" if is_first else "west"
        )


def _plan(rate: float, first: int, pairs: int) -> Iterator[Pass]:
    """Yield cars from the *first*, before the measured ones, until the last of these is decided."""
    gap = timedelta(seconds=2 / rate)
    more = int((STAY_SECONDS + LATENESS_SECONDS + 1) * rate / 2)
    for n in range(first, pairs + more):
        is_measured = 0 <= n < pairs
        yield Pass(n * gap, n, is_exit=False, is_measured=is_measured)
        yield Pass((n + 0.5) * gap + timedelta(seconds=STAY_SECONDS), n, is_exit=True, is_measured=is_measured)


async def _publish(exchange: AbstractExchange, one: Pass, at: datetime) -> None:
    message = load.message_of(one.sighting(at), at=at)
    if not one.is_measured:
        del message.headers[topology.PUBLISHED_AT_HEADER]
    key = topology.EXITED_KEY if one.is_exit else topology.ENTERED_KEY
    await exchange.publish(message, key, mandatory=True)
