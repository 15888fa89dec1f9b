"""Events per second from full queues to the last summary on disk, beside two baselines in the same run.

The clock starts when the first event is taken in and stops when the last line is on disk, so that starting processes
does not count. Each candidate gets a fresh Redis, a fresh vhost, the same sightings and the same summary-api.
"""

import asyncio
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import redis
from parkstream_devtools import RabbitServer, Sandbox

from benchmarks import load, stack
from benchmarks.flames import recorded
from benchmarks.meter import Meter, cpu_us_per_event
from benchmarks.results import Row, say
from benchmarks.spans import Discarding, discarding

Started = dict[str, list[int]]
TIMEOUT_SECONDS = 600
PREFETCH_COUNT = 1_000
"""That of the hand-written consumer."""
SPANS_PER_LINE = 3
"""project, deliver, write; each event has its process, each request its POST."""
SHUFFLED_WITHIN_SECONDS = 1.0
"""Half of the allowed lateness: what is in flight between the queues and the log displaces events, too."""


def parkstream(run: stack.Run, at_work: ExitStack) -> Started:
    """Start two record processes and one that projects and delivers."""
    return backends(run, at_work)


def backends(run: stack.Run, at_work: ExitStack) -> Started:
    """Start Parkstream's processes and return them."""
    present = run.backend("project,deliver", "present")
    at_work.callback(present.terminate)
    present.wait_ready()
    recorders = [
        run.backend("record", "record", PARKSTREAM_QUEUES=queue, PARKSTREAM_PREFETCH_COUNT=str(PREFETCH_COUNT))
        for queue in ("entries", "exits")
    ]
    for one in recorders:
        at_work.callback(one.terminate)
    return {"record": [one.pid for one in recorders], "project+deliver": [present.pid]}


def aio_pika(run: stack.Run, at_work: ExitStack) -> Started:
    """Start the hand-written batch consumer, with as many processes."""
    names = ("project", *load.QUEUES)
    processes = [_baseline(run, at_work, "aio_pika_batch", name) for name in names]
    return {"record": [processes[1].pid, processes[2].pid], "project+deliver": [processes[0].pid]}


def naive(run: stack.Run, at_work: ExitStack) -> Started:
    """Start one process, as anybody would begin."""
    return {"consumer": [_baseline(run, at_work, "naive").pid]}


CANDIDATES: dict[str, Callable[[stack.Run, ExitStack], Started]] = {
    "parkstream": parkstream,
    "aio-pika": aio_pika,
    "naive": naive,
}
_BEGUN = {"parkstream": "", "aio-pika": "log", "naive": "naive"}


def _baseline(run: stack.Run, at_work: ExitStack, module: str, *arguments: str) -> subprocess.Popen[bytes]:
    environ = {
        **run.environ,
        "RABBITMQ_URL": run.rabbitmq_url,
        "REDIS_URL": run.redis.url,
        "SUMMARY_URL": run.summary_api.url,
    }
    process = subprocess.Popen(stack.python("-m", f"benchmarks.baselines.{module}", *arguments), env=environ)
    at_work.callback(process.wait)
    at_work.callback(process.terminate)
    return process


def measure(  # noqa: PLR0913 - one run has these parts
    sandbox: Sandbox,
    rabbitmq: RabbitServer,
    name: str,
    pairs: int,
    shuffled_within_seconds: float,
    *,
    traced: bool,
    flames: Path | None = None,
    replicas: int = 0,
) -> Row:
    """Run *name* once; with *flames*, a folder, also draw where its processes spend their time."""
    put_through = load.paired(pairs, shuffled_within_seconds)
    with ExitStack() as at_work:
        sink = at_work.enter_context(discarding(sandbox)) if traced else None
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, sink.environ if sink else {}, replicas=replicas))
        asyncio.run(fill(run.rabbitmq_url, put_through, traced=traced))
        started = CANDIDATES[name](run, at_work)
        if flames is not None:
            at_work.enter_context(recorded(flames, started))
        row = _timed(run, name, put_through, watched(run, rabbitmq, started))
        row["traced"] = traced
        if sink is not None and name == "parkstream":
            row |= _spans(run, sink, put_through)
    speed, cost = row["events_per_second"], row["cpu_us_per_event"]["all"]
    say(f"  {name}{' traced' if traced else ''}: {speed:,.0f} events/s, {cost} µs CPU per event")
    return row


async def fill(url: str, put_through: load.Load, *, traced: bool) -> None:
    """Put *put_through* into the queues of the vhost at *url*, each in a trace of its own when *traced*."""
    async with load.exchange_at(url) as exchange:
        await load.publish(exchange, put_through.sightings, _traceparents() if traced else None)


def _traceparents() -> Iterator[str]:
    for n in count(1):
        yield f"00-{n:032x}-{n:016x}-01"


def watched(run: stack.Run, rabbitmq: RabbitServer, started: Started) -> Meter:
    """Return what reads the usage of all processes of a run."""
    return Meter(
        {**started, "rabbitmq": [rabbitmq.pid], "redis": [run.redis.pid], "summary-api": [run.summary_api.pid]}
    )


def _timed(run: stack.Run, name: str, put_through: load.Load, meter: Meter) -> Row:
    events = len(put_through.sightings)
    lines = stack.LineCounter(run.summary_file)
    stack.until(has_begun(run, name), f"{name} takes the first event", 60)
    before, begun = meter.read(), time.perf_counter()
    stack.until(
        (lines.read() >= put_through.lines for _ in count()), f"{put_through.lines} lines of {name}", TIMEOUT_SECONDS
    )
    seconds = time.perf_counter() - begun
    after = meter.read()
    if lines.read() != put_through.lines:
        message = f"{name} wrote {lines.lines} lines, not {put_through.lines}"
        raise RuntimeError(message)
    return {
        "name": name,
        "events": events,
        "seconds": round(seconds, 3),
        "events_per_second": round(events / seconds, 1),
        "cpu_us_per_event": cpu_us_per_event(before, after, events),
    }


def has_begun(run: stack.Run, name: str) -> Iterator[bool]:
    """Yield whether the candidate *name* has taken its first event."""
    if name == "parkstream":
        yield from (run.log_length() > 0 for _ in count())
    with redis.Redis.from_url(f"{run.redis.url}/0") as client:
        while True:
            yield bool(client.exists(_BEGUN[name]))


def _spans(run: stack.Run, sink: Discarding, put_through: load.Load) -> Row:
    """Wait until every expected span has come; a dropped one fails the run."""

    def expected() -> int:
        """Return how many there must be; a request is counted once its answer is sent, after its lines are there."""
        return len(put_through.sightings) + SPANS_PER_LINE * put_through.lines + _posts(run.summary_api.url)

    stack.until((sink.received() >= expected() for _ in count()), "every span at the receiver", 30, 0.1)
    if sink.received() != expected():
        message = f"{sink.received()} spans received, {expected()} expected"
        raise RuntimeError(message)
    return {"spans": expected()}


def _posts(url: str) -> int:
    """Return how many requests the summary-api has answered, by its own metrics."""
    text = urllib.request.urlopen(f"{url}/metrics").read().decode()
    found = re.findall(r"^http_server_request_duration_seconds_count{([^}]*)} (\S+)$", text, re.MULTILINE)
    return int(sum(float(value) for labels, value in found if "POST" in labels))
