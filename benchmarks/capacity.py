"""What a mall costs: CPU and memory by role, without cars and per event, and whether that predicts other loads.

On one RabbitMQ and one Redis, first nobody, then one mall at two rates: what a second and an event cost, by role. From
that the CPU time of one mall at a third rate and of two malls is predicted, and measured.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count, islice
from typing import Final

from aio_pika.abc import AbstractExchange
from msgspec import Struct
from parkstream_devtools import RabbitServer, RedisServer, Sandbox
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited

from benchmarks import load, stack
from benchmarks.meter import Meter, Usage
from benchmarks.results import Row, say

FEW, SOME, MANY = 200.0, 400.0, 600.0
"""Events a second of one mall: the first and the last give what an event costs, the one between is predicted."""
WARM_UP_SECONDS: Final = 8.0
"""The lateness, the grace of silence, and some more."""
BEHIND: Final = 200
"""So many cars are inside before the first one leaves."""
TICK_SECONDS: Final = 0.02
MIB: Final = 2**20
COLUMNS: Final = ("server_ms_per_second", "mall_ms_per_second", "cpu_us_per_event", "rss_mib")


class Cost(Struct, frozen=True):
    """What a role takes of a core: milliseconds a second, whatever comes, and microseconds an event."""

    server_ms: float
    """Of a server, without any mall."""
    mall_ms: float
    """For each mall."""
    event_us: float

    def predicted(self, malls: int, rate: float) -> float:
        """Return the milliseconds a second that *malls* cost, each at *rate* events a second."""
        return self.server_ms + malls * (self.mall_ms + self.event_us * rate / 1_000)


Spent = Mapping[str, float]
"""By role, milliseconds of CPU time a second."""


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, seconds: float) -> list[Row]:
    """Return one row: the costs by role, and the predicted and measured CPU time of loads, each for *seconds*."""
    with ExitStack() as at_work:
        redis = sandbox.redis()
        at_work.callback(redis.stop)
        servers = {"rabbitmq": [rabbitmq.pid], "redis": [redis.pid]}
        idle = _spent(Meter(servers), seconds)
        one = _Malls(sandbox, rabbitmq, redis, at_work)
        one.add("first")
        few, many = (one.measured(rate, seconds) for rate in (FEW, MANY))
        costs = {role: _cost(idle.get(role, 0.0), few[role], many[role]) for role in few}
        memory = {role: round(usage.rss_bytes / MIB, 1) for role, usage in one.meter().read().items()}
        loads = [_compared(costs, 1, SOME, one.measured(SOME, seconds))]
        one.add("second")
        loads += [_compared(costs, 2, rate, one.measured(rate, seconds)) for rate in (FEW, SOME)]
    return [
        {
            "name": "parkstream",
            "server_ms_per_second": {role: round(cost.server_ms, 2) for role, cost in costs.items()},
            "mall_ms_per_second": {role: round(cost.mall_ms, 2) for role, cost in costs.items()},
            "cpu_us_per_event": {role: round(cost.event_us, 1) for role, cost in costs.items()},
            "rss_mib": memory,
            "loads": loads,
        }
    ]


class _Malls:
    """Malls on the same servers, each with a backend and a summary API of its own."""

    def __init__(self, sandbox: Sandbox, rabbitmq: RabbitServer, redis: RedisServer, at_work: ExitStack) -> None:
        self._sandbox, self._rabbitmq, self._redis, self._at_work = sandbox, rabbitmq, redis, at_work
        self._runs: list[stack.Run] = []
        self._pids: dict[str, list[int]] = {"rabbitmq": [rabbitmq.pid], "redis": [redis.pid]}
        self._traffic: list[Iterator[Sighting]] = []

    def add(self, mall: str) -> None:
        """Start what *mall* needs."""
        run = self._at_work.enter_context(
            stack.run(self._sandbox, self._rabbitmq, {"PARKSTREAM_MALL": mall}, self._redis)
        )
        backend = run.backend("record,project,deliver", f"backend-{mall}")
        self._at_work.callback(backend.terminate)
        backend.wait_ready()
        self._pids.setdefault("backend", []).append(backend.pid)
        self._pids.setdefault("summary-api", []).append(run.summary_api.pid)
        self._runs.append(run)
        self._traffic.append(_traffic(mall))

    def meter(self) -> Meter:
        """Return what reads the usage of all of them."""
        return Meter(self._pids)

    def measured(self, rate: float, seconds: float) -> Spent:
        """Return what is spent while each mall has *rate* events a second."""
        return asyncio.run(self._driven(rate, seconds))

    async def _driven(self, rate: float, seconds: float) -> Spent:
        async with asyncio.TaskGroup() as group:
            driving = [
                group.create_task(_drive(run.rabbitmq_url, sightings, rate))
                for run, sightings in zip(self._runs, self._traffic, strict=True)
            ]
            await asyncio.sleep(WARM_UP_SECONDS)
            spent = await asyncio.to_thread(_spent, self.meter(), seconds)
            for one in driving:
                one.cancel()
        return spent


def _spent(meter: Meter, seconds: float) -> Spent:
    begun, before = time.monotonic(), meter.read()
    time.sleep(seconds)
    took, after = time.monotonic() - begun, meter.read()
    return {role: _ms(before[role], after[role]) / took for role in after}


def _ms(before: Usage, after: Usage) -> float:
    return (after.cpu_seconds - before.cpu_seconds) * 1_000


def _cost(idle: float, few: float, many: float) -> Cost:
    event_us = (many - few) / (MANY - FEW) * 1_000
    return Cost(idle, few - idle - event_us * FEW / 1_000, event_us)


def _compared(costs: Mapping[str, Cost], malls: int, rate: float, measured: Spent) -> Row:
    predicted = sum(cost.predicted(malls, rate) for cost in costs.values())
    spent = sum(measured.values())
    say(f"  {malls} at {rate:g}/s: predicted {predicted:.0f} ms a second, measured {spent:.0f}")
    return {
        "malls": malls,
        "rate": rate,
        "predicted_ms": round(predicted, 1),
        "measured_ms": round(spent, 1),
        "ratio": round(spent / predicted, 3),
    }


def _traffic(mall: str) -> Iterator[Sighting]:
    """Yield, in turn, who enters and who leaves; four of five that leave were seen entering. Two gates each way."""
    for n in count():
        yield VehicleEntered(f"{mall}-entry-{n:09d}", f"A{n:08d}", datetime.now(UTC), "north" if n % 5 < 3 else "south")
        if n >= BEHIND:
            left = n - BEHIND
            plate = f"{'A' if left % 5 < load.MATCHED_OF_FIVE else 'Z'}{left:08d}"
            gate = "east" if left % 5 < 3 else "west"
            yield VehicleExited(f"{mall}-exit-{left:09d}", plate, datetime.now(UTC), gate)


async def _drive(url: str, sightings: Iterator[Sighting], per_second: float) -> None:
    async with load.exchange_at(url) as exchange:
        await _publish(exchange, sightings, per_second)


async def _publish(exchange: AbstractExchange, sightings: Iterator[Sighting], per_second: float) -> None:
    begun, published = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - begun) * per_second) - published
        await load.publish(exchange, list(islice(sightings, due)))
        published += due
        await asyncio.sleep(TICK_SECONDS)
