"""Backends that project and advance the watermark on a real Redis: one works, the others stand by, and all agree."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from parkstream_backend.project.follower import Follower, ProjectSpans
from parkstream_backend.project.watermark_generator import WatermarkGenerator
from parkstream_devtools import RedisServer
from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.sightings import Direction
from parkstream_projection import Projector, StaleError
from parkstream_service.retry import Wait
from parkstream_telemetry import Stage, Telemetry, TelemetryOptions
from parkstream_visits import Rules
from parkstream_visits.watermark_decision import Drained
from projections import HOUR, SECOND, Mall, Process, day_of_traffic, now_us, sighting, untimed

QUICK = Rules(allowed_lateness_us=SECOND // 10, silence_grace_us=SECOND // 2, hold_max_us=2 * SECOND)


class Backend:
    """The projecting and the timekeeping of one process."""

    def __init__(self, shop: Mall, *, is_drained: bool = True) -> None:
        self.retried: list[Exception] = []
        self.telemetry = Telemetry(
            TelemetryOptions(service="test", plate_hash_key="k", statistics_seconds=0, strict=True)
        )
        self.process: Process = shop.projector()
        self.stale = 0
        self._shop = shop
        self._is_drained = is_drained
        self._since_us = now_us()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> "Backend":
        shop, process = self._shop, self.process
        projecting = Follower(
            process, ProjectSpans(self.telemetry), process.log, shop.reads, self.telemetry, Wait(self._on_retry)
        )
        keeper = WatermarkGenerator(process.log, shop.reads, QUICK, self._drained, self.telemetry, self._on_retry)
        self._tasks = [asyncio.create_task(projecting.run()), asyncio.create_task(keeper.run())]
        return self

    @property
    def failed(self) -> bool:
        return any(task.done() for task in self._tasks)

    async def die(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _on_retry(self, error: Exception) -> None:
        self.retried.append(error)

    async def _drained(self, _: Direction) -> Drained | None:
        return Drained(self._since_us, now_us()) if self._is_drained else None


async def until(fulfilled: Callable[[], Awaitable[bool]], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not await fulfilled():
        assert time.monotonic() < deadline, "it takes too long"
        await asyncio.sleep(0.02)


async def caught_up(shop: Mall) -> bool:
    return (await shop.reads.state()).checkpoint == (await shop.log.state()).position > 0


async def settled(shop: Mall) -> bool:
    """Whether all is projected, and no visit is pending."""
    position = (await shop.log.state()).position
    present = await shop.reads.state()
    return present.checkpoint >= position > 0 and not present.pending


async def test_what_is_held_is_said_when_its_direction_has_been_silent(shop: Mall):
    backend = Backend(shop).start()
    await shop.log.append(day_of_traffic(100, now_us() - 300 * SECOND))
    await shop.log.append([sighting(1, "lone", "LONE", now_us())])
    await until(lambda: settled(shop))
    await backend.die()
    truth = await shop.truth()
    assert "exit:lone" in {untimed(spoken.visit_id) for spoken in truth.emitted}
    await shop.holds(truth)
    assert backend.telemetry.latency.percentiles(Stage.RECORD_TO_PROJECT)
    assert not backend.retried


async def test_a_queue_that_never_empties_holds_nothing_for_longer_than_hold_max(shop: Mall):
    backend = Backend(shop, is_drained=False).start()
    await shop.log.append([sighting(1, "lone", "LONE", now_us())])
    await until(lambda: settled(shop))
    await backend.die()
    because = [event.because for event in await decisions(shop)]
    assert because == ["hold_max"]


async def decisions(shop: Mall):
    records: list[Record] = await shop.records()
    return [wire.decode(one.type, one.body) for one in records if one.type == wire.WATERMARK_ADVANCED]


async def test_backends_that_start_at_once_agree_on_the_rules_and_on_each_decision(shop: Mall):
    backends = [Backend(shop).start() for _ in range(3)]
    await shop.log.append([sighting(1, "lone", "LONE", now_us())])
    await until(lambda: settled(shop))
    for backend in backends:
        assert not backend.failed
        await backend.die()
    assert (await shop.reads.state()).clock.rules[-1] == QUICK
    decided = await decisions(shop)
    assert len({event.as_of_position for event in decided}) == len(decided)
    await shop.holds(await shop.truth())


async def test_one_backend_projects_while_another_stands_by_and_takes_over_when_it_dies(
    shop: Mall, monkeypatch: pytest.MonkeyPatch
):
    stale, step = [], Projector.step

    async def counted(self, records):
        try:
            return await step(self, records)
        except StaleError:
            stale.append(self)
            raise

    monkeypatch.setattr(Projector, "step", counted)
    backends = [Backend(shop).start() for _ in range(2)]
    traffic = day_of_traffic(200, now_us() - HOUR)
    for start in range(0, 200, 4):
        await shop.log.append(traffic[start : start + 4])
    await until(lambda: caught_up(shop))
    assert len(stale) <= 5
    busy = max(backends, key=lambda backend: backend.process.checkpoint)
    await busy.die()
    await shop.log.append(traffic[200:])
    await until(lambda: settled(shop))
    for backend in backends:
        await backend.die()
    await shop.holds(await shop.truth())


async def test_a_redis_that_goes_away_is_waited_for(redis_server: RedisServer, mall: str):
    shop = Mall(redis_server.url, mall)
    backend = Backend(shop).start()
    traffic = day_of_traffic(100, now_us() - HOUR)
    await shop.log.append(traffic[:60])
    await until(lambda: caught_up(shop))
    redis_server.kill()
    await until(_is(lambda: bool(backend.retried)))
    redis_server.start()
    await shop.log.append(traffic[60:])
    await until(lambda: settled(shop))
    assert not backend.failed
    await backend.die()
    await shop.holds(await shop.truth())
    await shop.close()


def _is(fulfilled: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    async def is_it() -> bool:
        return fulfilled()

    return is_it


async def test_an_error_that_does_not_pass_ends_the_background_task(shop: Mall):
    backend = Backend(shop)
    projecting = Follower(
        backend.process,
        ProjectSpans(backend.telemetry),
        shop.log,
        shop.reads,
        backend.telemetry,
        Wait(backend._on_retry),
    )
    await shop.redis.set(shop.keys.projection(1, "plates"), "not a hash")
    await shop.log.append([sighting(0, "in", "CAR", now_us())])
    with pytest.raises(Exception, match="WRONGTYPE"):
        await asyncio.wait_for(projecting.run(), 240)
