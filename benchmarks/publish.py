"""Publish: confirmed events/s of each generator, told to go faster than it can."""

import json
import time
import urllib.request
from contextlib import ExitStack
from itertools import count

from parkstream_sandbox import RabbitServer, Sandbox, ServiceProcess

from benchmarks import stack
from benchmarks.meter import Meter, cpu_us_per_event
from benchmarks.results import Row, say
from benchmarks.spans import discarding

TOO_FAST = "20000"
WARM_UP_SECONDS = 2.0


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, seconds: float, *, traced: bool) -> list[Row]:
    """Run the entry generator alone, then the exit generator on the cars that it let in."""
    rows: list[Row] = []
    with ExitStack() as at_work:
        sink = at_work.enter_context(discarding(sandbox)) if traced else None
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, sink.environ if sink else {}))
        cars = {"PARKSTREAM_TIME_SCALE": "100000", "PARKSTREAM_RATE": TOO_FAST}
        leaving = run.service("parkstream_exit_generator", "exit-generator", **cars)
        leaving.wait_ready()
        leaving.terminate()
        entering = run.service("parkstream_entry_generator", "entry-generator", **cars)
        rows.append(_row("entry-generator", entering, seconds, traced=traced))
        entering.terminate()
        leaving = run.service("parkstream_exit_generator", "exit-generator", **cars)
        rows.append(_row("exit-generator", leaving, seconds, traced=traced))
        leaving.terminate()
    return rows


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


def _published(process: ServiceProcess) -> int:
    return int(json.loads(urllib.request.urlopen(f"{process.url}/v1/account").read())["published"])


def _pass(seconds: float) -> None:
    """Let *seconds* of the measurement pass."""
    time.sleep(seconds)
