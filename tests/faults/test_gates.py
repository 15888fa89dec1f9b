"""Two entry gates and an exit gate: one is late, or cut off, and every corrected summary has its reason."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import aio_pika
import pytest
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from command_line import CommandLine
from parkstream_events import topology, wire
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction
from pipeline import Pipeline
from projections import Mall

from benchmarks.corrections import Reason
from benchmarks.gate_scene import CUT_OFF, Place, Scene, play

SECOND = timedelta(seconds=1)
PATIENT = {"PARKSTREAM_SILENCE_GRACE_SECONDS": "3600", "PARKSTREAM_HOLD_MAX_SECONDS": "3600"}
IMPATIENT = {"PARKSTREAM_SILENCE_GRACE_SECONDS": "1", "PARKSTREAM_ALLOWED_LATENESS_SECONDS": "1"}
CARS = 30
LATE_BY = 5
RATE, STAY = 40.0, 2.4


class Cameras:
    """Those at the gates north, south and out; what the one at south sees may wait for its link."""

    def __init__(self, events: aio_pika.abc.AbstractExchange) -> None:
        self._events = events
        self.waiting: list[bytes] = []
        self.published = 0

    async def enters(self, gate: str, plate: str, at: datetime) -> None:
        """Let a car enter; at south, only the camera knows so far."""
        body = entry(f"in-{plate}", plate, at, gate=gate)
        if gate == "south":
            self.waiting.append(body)
        else:
            await self._publish_entry(body)

    async def leaves(self, plate: str, at: datetime) -> None:
        """Let a car leave."""
        await publish_exit(self._events, exit_(f"out-{plate}", plate, at, gate="out"))
        self.published += 1

    async def send(self, but: int = 0) -> None:
        """Publish what waits at south, *but* the last ones."""
        while len(self.waiting) > but:
            await self._publish_entry(self.waiting.pop(0))

    async def _publish_entry(self, body: bytes) -> None:
        await publish_entry(self._events, body)
        self.published += 1


async def start(pipeline: Pipeline, backends: int, rules: dict[str, str]) -> None:
    pipeline.environ |= rules
    pipeline.start_api()
    for _ in range(backends):
        await asyncio.to_thread(pipeline.start_backend)


@pytest.fixture
async def cameras(pipeline: Pipeline) -> AsyncIterator[Cameras]:
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel(on_return_raises=True)
        yield Cameras(await channel.declare_exchange(topology.EVENTS_EXCHANGE, "topic", durable=True))


async def nobody_waits_for_the_unnamed(shop: Mall) -> None:
    """Decide that the gates without a name, which nobody uses here, are silent."""
    position = (await shop.log.state()).position
    decision = WatermarkAdvanced([Gate(way) for way in Direction], 0, "silence", position)
    await shop.log.decide(wire.WATERMARK_ADVANCED, decision.id, wire.encode(decision), unless_after=None)


@pytest.mark.parametrize("backends", [1, 2])
async def test_a_gate_that_is_late_is_waited_for(pipeline: Pipeline, shop: Mall, cameras: Cameras, backends: int):
    await start(pipeline, backends, PATIENT)
    begin = now() - timedelta(minutes=10)
    await cameras.enters("south", "FIRST", begin - SECOND)
    await cameras.send()
    await pipeline.until(lambda: pipeline.state()["counters"]["entered"] == 1)
    await nobody_waits_for_the_unnamed(shop)
    for number in range(CARS):
        at = begin + 2 * number * SECOND
        await cameras.enters("north", f"N{number}", at)
        await cameras.enters("south", f"S{number}", at)
        await cameras.leaves(f"N{number}", at + SECOND)
        await cameras.leaves(f"S{number}", at + SECOND)
        if number == CARS // 2:
            await cameras.leaves("LONE", at + SECOND)
        await cameras.send(but=LATE_BY)
        await pipeline.until(lambda: _recorded(pipeline) == cameras.published)  # Two consumers keep no order.
    while cameras.waiting:
        await cameras.send(but=len(cameras.waiting) - 1)
        await pipeline.until(lambda: _recorded(pipeline) == cameras.published)
    await pipeline.until(lambda: pipeline.stats()["current"]["completed"] == 2 * CARS)
    await pipeline.until(lambda: pipeline.stats()["current"]["entry_missed"] == 1)
    lines = pipeline.lines()
    assert {line["revision"] for line in lines} == {1}
    (missed,) = [line for line in lines if line["outcome"] == "entry_missed"]
    (record,) = await shop.log.read(missed["position"] - 1, 1)
    assert wire.decode(record.type, record.body).gate == "south", "the slowest gate released it"


@pytest.mark.parametrize(
    ("backends", "scene"),
    [
        pytest.param(1, Scene(RATE, STAY, (3, 8), None, 10), id="one backend"),
        pytest.param(2, Scene(RATE, STAY, (3, 12), (3.5, 8), 14), id="two, one frozen"),
    ],
)
async def test_a_gate_that_is_cut_off_corrects_only_what_the_guarantees_allow(
    pipeline: Pipeline, redis_url: str, mall: str, backends: int, scene: Scene
):
    await start(pipeline, backends, IMPATIENT)
    outcome = await play(scene, Place(pipeline.rabbitmq_url, redis_url, mall, pipeline.file, pipeline.backends))
    assert outcome.wrong == {}
    assert outcome.forbidden == []
    silent = [one for one in outcome.corrections if one.reason is Reason.SILENT]
    assert {one.gate for one in silent} == {CUT_OFF}
    parkstream = CommandLine(pipeline.environ)
    (visit,) = parkstream("visit", silent[0].cause.event.vehicle_plate, "--json").object["visits"]
    first, second = visit["revisions"]
    assert first["because"] in {"silence", "watermark_passed"}
    assert (second["because"], second["outcome"]) == ("corrected", "completed")
    assert visit["sightings"][0]["gate"] == CUT_OFF


def _recorded(pipeline: Pipeline) -> int:
    counters = pipeline.state()["counters"]
    return int(counters["entered"] + counters["exited"])
