"""What the console costs while people look at Now: CPU of the pipeline's processes per event, and its own memory.

One system whose log has so many records and whose mall so many cars, with so many changes a second from beginning to
end. In turn the console is at work, with its viewers and one who reads nothing, and stands still (SIGSTOP), as if it
were not there: the difference is what it costs the others.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import count, islice
from typing import Final

from aio_pika.abc import AbstractExchange
from msgspec import Struct
from parkstream_devtools import RabbitServer, Sandbox, ServiceProcess
from parkstream_devtools.faults.processes import Frozen
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited

from benchmarks import drain, load, stack
from benchmarks.meter import Meter, cpu_us_per_event
from benchmarks.results import Row, say
from benchmarks.viewers import Reader, readers, silent

AT_ONCE: Final = 10_000
TICK_SECONDS: Final = 0.02
LOOKS_BEFORE: Final = 5
"""So many are seen before anything is measured: of a console that has just begun, or gone on."""
TIMEOUT_SECONDS: Final = 900.0
MIB: Final = 2**20


class Scene(Struct, frozen=True, kw_only=True):
    """How much there is of everything."""

    cars: int
    records: int
    rate: float
    """Changes per second."""
    viewers: int
    seconds: float
    """How long each of the two is measured each time."""
    repeats: int


def arguments(parser: argparse.ArgumentParser) -> None:
    """Let *parser* take what a scene is made of."""
    parser.add_argument("--cars", type=int, default=10_000, help="how many are inside (default: %(default)s)")
    parser.add_argument(
        "--records", type=int, default=50_000, help="how many the log has before (default: %(default)s)"
    )
    parser.add_argument("--rate", type=float, default=1_000, help="changes per second (default: %(default)s)")
    parser.add_argument("--viewers", type=int, default=20, help="who read; one more does not (default: %(default)s)")
    parser.add_argument(
        "--seconds", type=float, default=5, help="how long each is measured, with and without (default: %(default)s)"
    )


class Place(Struct, frozen=True):
    """What is measured: the console, and all others."""

    run: stack.Run
    console: ServiceProcess
    pipeline: Meter


def traffic(cars: int) -> Iterator[Sighting]:
    """Yield entries until *cars* are inside, then in turn who came first leaves, and another one comes."""
    for n in count():
        yield VehicleEntered(f"entry-{n:09d}", f"A{n:08d}", datetime.now(UTC))
        if n >= cars:
            yield VehicleExited(f"exit-{n:09d}", f"A{n - cars:08d}", datetime.now(UTC))


def measure(sandbox: Sandbox, rabbitmq: RabbitServer, scene: Scene) -> Row:
    """Play *scene*, and return the ratios of its repeats, with the memory of the console on the way."""
    with ExitStack() as at_work:
        run = at_work.enter_context(stack.run(sandbox, rabbitmq, {}))
        started = drain.backends(run, at_work)
        console = run.service("parkstream_console", "console")
        at_work.callback(console.kill)
        console.wait_ready()
        place = Place(run, console, drain.watched(run, rabbitmq, started))
        return asyncio.run(_played(scene, place, at_work))


async def _played(scene: Scene, place: Place, at_work: ExitStack) -> Row:
    sightings = traffic(scene.cars)
    async with load.exchange_at(place.run.rabbitmq_url) as exchange:
        await _fill(exchange, sightings, scene, place.run)
        at_work.enter_context(silent(place.console.url))
        async with readers(place.console.url, scene.viewers) as people, _changing(exchange, sightings, scene):
            await seen(people, LOOKS_BEFORE)
            begun, looks = time.monotonic(), min(one.looks for one in people)
            memory = [rss_mib(place.console)]
            with_console, without = list[float](), list[float]()
            for nth in range(scene.repeats):
                for is_open in (nth % 2 == 0, nth % 2 == 1):
                    spent = await _measured(scene, place, people, is_open=is_open)
                    (with_console if is_open else without).append(spent)
                memory.append(rss_mib(place.console))
            looks = min(one.looks for one in people) - looks
    say(f"  {looks} looks in {time.monotonic() - begun:.0f} s; CPU µs per event {with_console}, without {without}")
    return _row(scene, place.run, with_console, without, memory) | {"looks": looks}


async def _fill(exchange: AbstractExchange, sightings: Iterator[Sighting], scene: Scene, run: stack.Run) -> None:
    """Let *scene*'s cars come in, and as many sightings be recorded as it has."""
    say(f"  {scene.records:,} records")
    wanted = max(scene.records, scene.cars)
    for published in range(0, wanted, AT_ONCE):
        await load.publish(exchange, list(islice(sightings, AT_ONCE)))
        await until(partial(_has, run, published))
    await until(partial(_has, run, wanted))


def _has(run: stack.Run, records: int) -> bool:
    return run.log_length() >= records


@asynccontextmanager
async def _changing(exchange: AbstractExchange, sightings: Iterator[Sighting], scene: Scene) -> AsyncIterator[None]:
    """Let as much change a second as *scene* says."""
    changes = asyncio.create_task(_change(exchange, sightings, scene.rate))
    try:
        yield
    finally:
        changes.cancel()
        await asyncio.wait({changes})


async def _change(exchange: AbstractExchange, sightings: Iterator[Sighting], per_second: float) -> None:
    begun, published = time.monotonic(), 0
    while True:
        due = int((time.monotonic() - begun) * per_second) - published
        await load.publish(exchange, list(islice(sightings, due)))
        published += due
        await asyncio.sleep(TICK_SECONDS)


async def _measured(scene: Scene, place: Place, people: list[Reader], *, is_open: bool) -> float:
    """Return the CPU time that the pipeline takes per event, in microseconds, with the console or without."""
    stands_still = Frozen(place.console)
    if is_open:
        await seen(people, 2)
    else:
        stands_still.inject()
    try:
        before, first = place.pipeline.read(), place.run.log_length()
        await asyncio.sleep(scene.seconds)
        after, last = place.pipeline.read(), place.run.log_length()
    finally:
        stands_still.heal()
    return cpu_us_per_event(before, after, last - first)["all"]


async def seen(people: list[Reader], looks: int) -> None:
    """Return when everybody has seen so many more looks."""
    wanted = [one.looks + looks for one in people]
    await until(lambda: all(one.looks >= least for one, least in zip(people, wanted, strict=True)))


async def until(met: Callable[[], bool]) -> None:
    """Return when it is *met*."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not met():
        if time.monotonic() > deadline:
            raise TimeoutError
        await asyncio.sleep(TICK_SECONDS)


def rss_mib(console: ServiceProcess) -> float:
    """Return the memory of *console*."""
    return round(Meter({"console": [console.pid]}).read()["console"].rss_bytes / MIB, 1)


def _row(scene: Scene, run: stack.Run, with_console: list[float], without: list[float], memory: list[float]) -> Row:
    ratios = [round(one / other, 3) for one, other in zip(with_console, without, strict=True)]
    return {
        "name": "parkstream",
        "cars": scene.cars,
        "records": run.log_length(),
        "rate": scene.rate,
        "viewers": scene.viewers,
        "repeats": scene.repeats,
        "ratios": ratios,
        "cpu_ratio": round(statistics.median(ratios), 3),
        "cpu_us_with": round(statistics.median(with_console), 1),
        "cpu_us_without": round(statistics.median(without), 1),
        "rss_mib": {"start": memory[0], "middle": memory[len(memory) // 2], "end": memory[-1]},
    }
