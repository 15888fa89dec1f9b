"""Clocks step: Redis', a backend's, or all at once; forward and back, for a moment and for good."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from backend_sightings import entry, exit_, now
from command_line import CommandLine
from parkstream_devtools import RedisServer, ServiceProcess, failing
from parkstream_devtools.faults import Clock, ClockStepped
from parkstream_events.keys import BackendKeys
from pipeline import Pipeline
from pipeline_traffic import Cars, Event
from redis import Redis

MINUTES_3, HOURS_2, DAYS_8 = 180.0, 7_200.0, 8 * 86_400.0
STEPS = [
    ("redis", MINUTES_3),
    ("redis", -HOURS_2),
    ("backend", DAYS_8),
    ("both", MINUTES_3),
    ("both", DAYS_8),
    ("both", -HOURS_2),
]
ROLES = [("record,project,deliver",), ("record", "project,deliver"), ("record", "project", "deliver")]


class Clocks(NamedTuple):
    """That of Redis, and that of the machine of the backends."""

    redis: Clock
    backend: Clock

    def stepped(self, which: str, offset_seconds: float) -> ClockStepped:
        found = {"redis": [self.redis], "backend": [self.backend], "both": [*self]}[which]
        return ClockStepped(*found, offset_seconds=offset_seconds)


@pytest.fixture
def clocks(tmp_path: Path) -> Clocks:
    return Clocks(Clock(tmp_path / "redis-clock"), Clock(tmp_path / "backend-clock"))


@pytest.fixture
def redis_server(sandbox: Any, clocks: Clocks) -> Any:
    server = sandbox.redis(clocks.redis.environ)
    yield server
    server.kill()


@pytest.fixture
def start(  # noqa: PLR0913, PLR0917 - fixtures
    run_service: Callable[..., ServiceProcess],
    redis_server: RedisServer,
    rabbitmq_url: str,
    mall: str,
    tmp_path: Path,
    clocks: Clocks,
) -> Callable[..., Pipeline]:
    def started(roles: tuple[str, ...] = ROLES[0], **environ: str) -> Pipeline:
        pipeline = Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)
        pipeline.start_api()
        for role in roles:
            pipeline.start_backend({"PARKSTREAM_ROLES": role, **environ, **clocks.backend.environ})
        return pipeline

    return started


def clock_of(pipeline: Pipeline) -> list[str]:
    """Return what each backend says of the clock; empty where nothing is wrong."""
    return [failing(backend.url).get("clock", "") for backend in pipeline.backends]


async def is_refused_and_then_recorded(pipeline: Pipeline, cars: Cars, fault: ClockStepped, says: str) -> None:
    """Let cars come while *fault* is there: none is recorded; all are when it is healed, and none is too late."""
    with fault:
        position = pipeline.state()["position"]
        await cars.drive(20)
        await pipeline.until(lambda: all(says in problem for problem in clock_of(pipeline)))
        assert pipeline.state()["position"] == position
    await pipeline.until(lambda: not any(failing(backend.url) for backend in pipeline.backends))
    await pipeline.balances(cars.traffic)


@pytest.mark.parametrize(("which", "seconds"), STEPS)
async def test_a_clock_that_steps_for_a_moment_poisons_nothing(
    start: Callable[..., Pipeline], clocks: Clocks, which: str, seconds: float
):
    pipeline = start()
    says = "has stepped" if which == "both" else "the one of this machine"
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        await is_refused_and_then_recorded(pipeline, cars, clocks.stepped(which, seconds), says)
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
    assert all(backend.alive for backend in pipeline.backends)


async def test_ids_outlive_a_year_that_passes_in_a_moment(start: Callable[..., Pipeline], clocks: Clocks, mall: str):
    pipeline = start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        events = await cars.meet(20)
        await cars.publish(events)
        await pipeline.balances(cars.traffic)
        today = int(now().timestamp()) // 86_400
        with clocks.stepped("both", 366 * 86_400.0), Redis.from_url(pipeline.environ["PARKSTREAM_REDIS_URL"]) as redis:
            await pipeline.until(lambda: "has stepped" in clock_of(pipeline)[0])
            assert redis.exists(BackendKeys(mall).log_ids(today)) == 1
        await cars.publish(events)
        again = f'record_outcomes_total{{parking_outcome="duplicate"}} {len(events)}'
        await pipeline.until(lambda: again in pipeline.metrics())
        await pipeline.balances(cars.traffic)
    assert CommandLine(pipeline.environ)("log", "verify", "--json").object["ok"]


@pytest.mark.parametrize("roles", ROLES)
async def test_no_role_takes_a_step_before_anything_was_recorded(
    start: Callable[..., Pipeline], clocks: Clocks, roles: tuple[str, ...]
):
    pipeline = start(roles)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await is_refused_and_then_recorded(pipeline, cars, clocks.stepped("both", DAYS_8), "has stepped")


@pytest.mark.parametrize("seconds", [DAYS_8, -HOURS_2])
async def test_a_backend_that_starts_while_both_clocks_are_wrong_records_nothing(
    start: Callable[..., Pipeline], clocks: Clocks, seconds: float
):
    pipeline = start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        pipeline.backends.pop().kill()
        with clocks.stepped("both", seconds):
            backend = pipeline.start_backend(clocks.backend.environ, ready=False)
            await pipeline.until(lambda: "has stepped" in failing(backend.url).get("clock", ""))
        await cars.drive(20)
        await pipeline.balances(cars.traffic)


@pytest.mark.parametrize("seconds", [HOURS_2, -HOURS_2])
async def test_a_step_that_stands_is_taken_and_reported(start: Callable[..., Pipeline], clocks: Clocks, seconds: float):
    pipeline = start(PARKSTREAM_CLOCK_STEP_SECONDS="3", PARKSTREAM_CLOCK_AHEAD_MAX_SECONDS="100000")
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
        with clocks.stepped("both", seconds):
            await pipeline.until(lambda: "has stepped" in clock_of(pipeline)[0])
            await pipeline.until(lambda: not clock_of(pipeline)[0])
            await cars.drive(20)
            await pipeline.until(lambda: pipeline.state()["position"] >= cars.traffic.sightings)
            assert "clock.taken" in pipeline.backends[0].output.read_text()
            assert "parking_clock_steps_total 1" in pipeline.metrics()


async def test_a_person_may_accept_a_step_at_once(start: Callable[..., Pipeline], clocks: Clocks):
    pipeline = start()
    parkstream = CommandLine({**pipeline.environ, **clocks.backend.environ})
    with clocks.stepped("both", HOURS_2):
        await pipeline.until(lambda: "accept-clock" in clock_of(pipeline)[0])
        assert "--yes" in parkstream("log", "accept-clock").err
        assert "accept-clock" in clock_of(pipeline)[0]
        assert set(parkstream("log", "accept-clock", "--yes", "--json").object) == {"clock", "last_recorded"}
        await pipeline.until(lambda: not failing(pipeline.backends[0].url))
        assert "clock.taken" in pipeline.backends[0].output.read_text()


async def test_a_person_cannot_accept_a_clock_that_is_another_one_than_this_machines(
    start: Callable[..., Pipeline], clocks: Clocks
):
    pipeline = start()
    parkstream = CommandLine({**pipeline.environ, **clocks.backend.environ})
    with clocks.stepped("redis", HOURS_2):
        refused = parkstream("log", "accept-clock", "--yes")
    assert refused.code == 1
    assert "2:00:00 ahead of" in refused.err


async def test_a_record_from_the_future_is_named_by_all_that_look(start: Callable[..., Pipeline], clocks: Clocks):
    """Somebody accepted a clock that was wrong."""
    pipeline = start(PARKSTREAM_CLOCK_STEP_SECONDS="1")
    parkstream = CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_FILE": str(pipeline.file)})
    wrong = CommandLine({**pipeline.environ, **clocks.backend.environ})
    async with Cars(pipeline.rabbitmq_url) as cars:
        with clocks.stepped("both", DAYS_8):
            assert wrong("log", "accept-clock", "--yes").code == 0
            await cars.drive(20)
            await pipeline.until(lambda: pipeline.state()["position"] >= cars.traffic.sightings)
        await pipeline.until(lambda: "ahead of Redis' clock" in failing(pipeline.backends[0].url).get("log", ""))
    doctor = {one["about"]: one for one in json.loads(parkstream("doctor", "--json").out)["findings"]}
    assert doctor["last record"]["level"] == "wrong"
    found = json.loads(parkstream("log", "verify", "--json").out)
    assert [one["kind"] for one in found["findings"]] == ["recorded_in_future"]


async def test_the_doctor_says_that_redis_has_another_time(start: Callable[..., Pipeline], clocks: Clocks):
    pipeline = start()
    with clocks.stepped("redis", -HOURS_2):
        doctor = CommandLine(pipeline.environ)("doctor", "--json").out
    assert {one["about"]: one["level"] for one in json.loads(doctor)["findings"]}["clock"] == "wrong"


async def test_sightings_dated_too_far_ahead_become_dead_letters_and_the_rest_goes_on(start: Callable[..., Pipeline]):
    """An exit dated 9999, a camera that is two hours ahead, and one that is within the allowance."""
    pipeline = start()
    far, ahead, near = datetime(9999, 12, 31, tzinfo=UTC), now() + timedelta(hours=2), now() + timedelta(seconds=200)
    refused = [Event(False, exit_("far", "FAR", far)), Event(True, entry("e", "A1", ahead))]
    refused += [Event(False, exit_("x", "A1", ahead + timedelta(minutes=1)))]
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.publish([*refused, *await cars.meet(20)])
        cars.traffic.entries["near-e"], cars.traffic.exits["near-x"] = "NEAR", "NEAR"
        cars.traffic.entry_of["NEAR"] = "near-e"
        left = near + timedelta(seconds=30)
        await cars.publish([Event(True, entry("near-e", "NEAR", near)), Event(False, exit_("near-x", "NEAR", left))])
        await pipeline.balances(cars.traffic)
        await cars.drive(20)
        await pipeline.balances(cars.traffic)
    letters = CommandLine(pipeline.environ)("dead-letters", "list", "--json").lines
    assert [one["reason"] for one in letters] == ["in_future"] * 3
    assert 'parking_dead_letters_total{parking_reason="in_future"} 3' in pipeline.metrics()
