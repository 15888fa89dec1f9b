"""Events per second that each generator can publish and have confirmed."""

import asyncio
import json
import time
import urllib.request
from contextlib import ExitStack
from itertools import count

import aio_pika
from parkstream_devtools import RabbitServer, Sandbox, ServiceProcess
from parkstream_events import topology

from benchmarks import stack
from benchmarks.load import exchange_at
from benchmarks.meter import Meter, cpu_us_per_event
from benchmarks.results import Row, say
from benchmarks.spans import discarding

TOO_FAST = "20000"
WARM_UP_SECONDS = 1.0
STAY_SECONDS = 20.0
"""Long enough to park every car before the first is due."""


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, seconds: float, *, traced: bool) -> list[Row]:
    """Run the entry generator alone, then the exit generator on the cars that it let in, all of them overdue."""
    with ExitStack() as at_work:
        sink = at_work.enter_context(discarding(sandbox)) if traced else None
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, sink.environ if sink else {}))
        asyncio.run(_declared(run.rabbitmq_url))
        leaving = _leaving(run)  # Its queue must be there before cars enter.
        leaving.terminate()
        entering = run.service("parkstream_entry_generator", "entry-generator", PARKSTREAM_RATE=TOO_FAST)
        rows = [_row("entry-generator", entering, seconds, traced=traced)]
        entering.terminate()
        left_at = time.monotonic() + STAY_SECONDS
        leaving = _leaving(run)
        entered = _unparked(run)
        stack.until((_unparked(run) == 0 for _ in count()), f"{entered} cars are parked", 60, 0.1)
        leaving.terminate()
        _pass(max(0.0, left_at - time.monotonic()))
        leaving = _leaving(run)
        rows.append(_row("exit-generator", leaving, seconds, traced=traced))
        leaving.terminate()
    return rows


def _leaving(run: stack.Run) -> ServiceProcess:
    stay = {"PARKSTREAM_DWELL_MEDIAN_SECONDS": f"{STAY_SECONDS:g}", "PARKSTREAM_DWELL_SIGMA": "0"}
    process = run.service("parkstream_exit_generator", "exit-generator", **stay)
    process.wait_ready()
    return process


def _row(name: str, process: ServiceProcess, seconds: float, *, traced: bool) -> Row:
    process.wait_ready()
    stack.until((_published(process) > 0 for _ in count()), f"the first event of {name}", 60)
    _pass(WARM_UP_SECONDS)
    meter = Meter({name: [process.pid]})
    before, first, begun = meter.read(), _published(process), time.perf_counter()
    _pass(seconds)
    after, last, took = meter.read(), _published(process), time.perf_counter() - begun
    events = last - first
    row = {
        "name": name,
        "traced": traced,
        "events_per_second": round(events / took, 1),
        "cpu_us_per_event": cpu_us_per_event(before, after, events),
    }
    say(f"  {name}{' traced' if traced else ''}: {row['events_per_second']:,.0f} confirmed events/s")
    return row


def _unparked(run: stack.Run) -> int:
    """Return how many cars wait in the exit generator's own queue."""
    return asyncio.run(_depth(run.rabbitmq_url))


async def _declared(url: str) -> None:
    async with exchange_at(url):
        pass


async def _depth(url: str) -> int:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(topology.SEEN_ENTERING_QUEUE, passive=True)
        return queue.declaration_result.message_count or 0


def _published(process: ServiceProcess) -> int:
    return int(json.loads(urllib.request.urlopen(f"{process.url}/v1/account").read())["published"])


def _pass(seconds: float) -> None:
    """Let *seconds* of the measurement pass."""
    time.sleep(seconds)
