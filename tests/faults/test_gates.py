"""Two entry gates and an exit gate: one is late, or cut off, and every corrected summary has its reason."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import aio_pika
import pytest
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from command_line import CommandLine
from parkstream_events import topology, wire
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, microseconds
from pipeline import Pipeline
from projections import Mall

SECOND = timedelta(seconds=1)
PATIENT = {"PARKSTREAM_SILENCE_GRACE_SECONDS": "3600", "PARKSTREAM_HOLD_MAX_SECONDS": "3600"}
IMPATIENT = {"PARKSTREAM_SILENCE_GRACE_SECONDS": "1", "PARKSTREAM_HOLD_MAX_SECONDS": "3600"}
CARS = 30
LATE_BY = 5
SOUTH = Gate(Direction.ENTRY, "south")
pytestmark = pytest.mark.parametrize("backends", [1, 2])


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    shop = Mall(redis_url, mall)
    yield shop
    await shop.close()


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


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


async def test_a_gate_that_is_cut_off_corrects_only_what_was_reported_while_it_was_silent(
    pipeline: Pipeline, shop: Mall, cameras: Cameras, backends: int
):
    await start(pipeline, backends, IMPATIENT)
    for number in range(CARS):
        for gate in ("north", "south"):
            await cameras.enters(gate, f"EARLY{gate}{number}", now())
            await cameras.send()
            await cameras.leaves(f"EARLY{gate}{number}", now())
    cut = [f"CUT{number}" for number in range(CARS)]
    for plate in cut:
        await cameras.enters("south", plate, now())
        await cameras.leaves(plate, now())
    count = 2 * CARS + await _traffic_until(cameras, lambda: _silent_at(shop))
    silent_at = await _silent_at(shop)
    await pipeline.until(lambda: len(_outcomes(pipeline, cut)) == CARS)
    assert set(_outcomes(pipeline, cut).values()) == {"entry_missed"}
    await cameras.send()
    await pipeline.until(lambda: pipeline.stats()["current"]["completed"] == count + CARS)
    await pipeline.until(lambda: not pipeline.state()["pending"] and not pipeline.state()["outbox_depth"])

    lines = pipeline.lines()
    corrected = {line["visit_id"] for line in lines if line["revision"] > 1}
    assert {line["vehicle_plate"] for line in lines if line["visit_id"] in corrected} == set(cut)
    assert min(line["position"] for line in lines if line["outcome"] == "entry_missed") >= silent_at
    assert len(lines) == count + 2 * CARS == pipeline.state()["counters"]["emitted"]
    parkstream = CommandLine({**pipeline.environ, "PARKSTREAM_BACKEND_URL": pipeline.backends[0].url})
    for plate in cut[:: CARS - 1]:
        (visit,) = parkstream("visit", plate, "--json").object["visits"]
        first, second = visit["revisions"]
        assert first["because"] in {"silence", "watermark_passed"}
        assert (second["because"], second["outcome"]) == ("corrected", "completed")
        assert [one["gate"] for one in visit["sightings"]] == ["south", "out"]


async def _traffic_until(cameras: Cameras, condition: Any) -> int:
    """Let cars pass by north until *condition*; return how many did."""
    count = 0
    async with asyncio.timeout(60):
        while not await condition():
            await cameras.enters("north", f"MEANWHILE{count}", now())
            await cameras.leaves(f"MEANWHILE{count}", now())
            count += 1
    return count


async def _silent_at(shop: Mall) -> int:
    """Return where it was decided that south is silent; 0 when it was not."""
    for record in await shop.log.read(0, 100_000):
        event = wire.decode(record.type, record.body)
        if isinstance(event, WatermarkAdvanced) and SOUTH in event.gates:
            assert event.to_us > microseconds(now() - timedelta(minutes=5))
            return record.position
    return 0


def _recorded(pipeline: Pipeline) -> int:
    counters = pipeline.state()["counters"]
    return int(counters["entered"] + counters["exited"])


def _outcomes(pipeline: Pipeline, plates: list[str]) -> dict[str, str]:
    lines = pipeline.lines() if pipeline.file.exists() and pipeline.file.stat().st_size else []
    return {line["vehicle_plate"]: line["outcome"] for line in lines if line["vehicle_plate"] in plates}
