"""Redis comes back empty or older: nothing is written or acknowledged until it is right again."""

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from command import Command
from parkstream_devtools import RabbitServer, RedisServer, ServiceProcess, failing
from parkstream_devtools.faults import AofCopy, Emptied, MemoryAlarm, Older, QueueDeleted
from parkstream_events.topology import MARK_QUEUE
from pipeline import ALL_ROLES, EACH_ALONE, Pipeline
from pipeline_traffic import Cars
from redis_contents import data_of

SPLITS = [(*ALL_ROLES, *ALL_ROLES), EACH_ALONE]
QUIET_SECONDS = 3.0
"""All decisions of a silence are made by then."""
CARS = 20


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


@pytest.fixture(params=SPLITS, ids=["all-roles", "each-alone"])
def roles(request: pytest.FixtureRequest) -> Sequence[str]:
    return request.param


def start(pipeline: Pipeline, roles: Sequence[str], *, ready: bool = True) -> None:
    for names in roles:
        pipeline.start_backend({"PARKSTREAM_ROLES": names}, ready=ready)


def stop(pipeline: Pipeline) -> None:
    for backend in pipeline.backends:
        backend.terminate()
    pipeline.backends.clear()


def log_problem(service: ServiceProcess) -> str:
    """Return what ready says of the log; nothing when it says nothing."""
    return failing(service.url).get("log", "")


async def refused(pipeline: Pipeline, *words: str) -> None:
    """Return when every backend refuses Redis, for that reason, and is alive."""

    def all_refuse() -> bool:
        problems = [log_problem(backend) for backend in pipeline.backends]
        return all(word in problem for problem in problems for word in words)

    await pipeline.until(all_refuse)
    assert all(backend.alive for backend in pipeline.backends)


async def quiet(pipeline: Pipeline) -> None:
    """Return when the log has not grown for a while."""
    position, since = -1, time.monotonic()

    def at_rest() -> bool:
        nonlocal position, since
        now = pipeline.state()["position"]
        if now != position:
            position, since = now, time.monotonic()
        return time.monotonic() - since > QUIET_SECONDS

    await pipeline.until(at_rest)


async def settled(pipeline: Pipeline, cars: Cars) -> None:
    await cars.drive(CARS)
    await pipeline.balances(cars.traffic)
    await quiet(pipeline)


async def test_a_redis_emptied_under_running_backends_is_not_written_to(
    pipeline: Pipeline, redis_server: RedisServer, roles: Sequence[str], tmp_path: Path
):
    pipeline.start_api()
    start(pipeline, roles)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await settled(pipeline, cars)
        with Emptied(redis_server, tmp_path):
            await cars.drive(CARS)
            await refused(pipeline, "holds no log")
            assert data_of(redis_server) == {}
        await pipeline.balances(cars.traffic)
    assert all(backend.alive for backend in pipeline.backends)


async def test_a_redis_emptied_before_backends_start_is_not_written_to(
    pipeline: Pipeline, redis_server: RedisServer, roles: Sequence[str], tmp_path: Path
):
    pipeline.start_api()
    start(pipeline, roles)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await settled(pipeline, cars)
        stop(pipeline)
        await cars.drive(CARS)
        with Emptied(redis_server, tmp_path):
            start(pipeline, roles, ready=False)
            await refused(pipeline, "holds no log")
            assert data_of(redis_server) == {}
        await pipeline.balances(cars.traffic)


async def test_an_older_redis_under_running_and_restarting_backends_is_not_written_to(
    pipeline: Pipeline, redis_server: RedisServer, roles: Sequence[str], tmp_path: Path
):
    pipeline.start_api()
    start(pipeline, roles)
    async with Cars(pipeline.rabbitmq_url) as cars:
        await settled(pipeline, cars)
        position = pipeline.state()["position"]
        old, copy = data_of(redis_server), AofCopy(redis_server, tmp_path / "copy")
        await settled(pipeline, cars)
        with Older(redis_server, copy, tmp_path):
            await cars.drive(CARS)
            await refused(pipeline, f"the log ends at {position}, ")
            assert data_of(redis_server) == old
            stop(pipeline)
            start(pipeline, roles, ready=False)
            await refused(pipeline, f"the log ends at {position}, ")
            assert data_of(redis_server) == old
        await pipeline.balances(cars.traffic)


async def test_an_older_redis_is_refused_before_there_is_any_summary(
    pipeline: Pipeline, redis_server: RedisServer, tmp_path: Path
):
    """Nobody has projected yet: only the mark knows how far the log was."""
    pipeline.start_api()
    start(pipeline, ["record"])
    copy = AofCopy(redis_server, tmp_path / "copy")
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(CARS)
        await pipeline.until(lambda: pipeline.state()["position"] == cars.traffic.sightings)
        with Older(redis_server, copy, tmp_path):
            await cars.drive(CARS)
            await refused(pipeline, "the log ends at 0, ")
            start(pipeline, SPLITS[0], ready=False)
            await refused(pipeline, "the log ends at 0, ")
        await pipeline.balances(cars.traffic)


async def test_a_person_adopts_an_older_redis_and_the_backends_go_on_with_a_new_summary_file(
    pipeline: Pipeline, redis_server: RedisServer, mall: str, tmp_path: Path
):
    pipeline.start_api()
    start(pipeline, SPLITS[0])
    async with Cars(pipeline.rabbitmq_url) as cars:
        await settled(pipeline, cars)
        copy, before = AofCopy(redis_server, tmp_path / "copy"), pipeline.state()
    async with Cars(pipeline.rabbitmq_url, "lost") as lost:
        await lost.drive(CARS)
        await pipeline.until(lambda: pipeline.stats()["visits"] == 2 * CARS)
    await quiet(pipeline)
    lines = pipeline.lines()
    copy.put_back()
    await refused(pipeline, "the log ends at ")
    command = Command(redis_server.url, mall, {**pipeline.environ, "PARKSTREAM_SUMMARY_URL": pipeline.api.url})
    done = command.json("log", "adopt", "--yes")
    assert done["position"] == done["lost_after"] == before["position"]
    await pipeline.until(lambda: not any(map(log_problem, pipeline.backends)))
    async with Cars(pipeline.rabbitmq_url, "new") as new:
        await new.drive(CARS)
        await pipeline.until(lambda: pipeline.stats()["visits"] == CARS)
    await quiet(pipeline)
    assert command.json("outbox", "emit-missing")["emitted"] == CARS
    await pipeline.until(lambda: pipeline.stats()["visits"] == 2 * CARS)
    kept = pipeline.file.with_name(f"{pipeline.file.stem}.{done['lost_log_id']}.jsonl")
    assert [json.loads(line) for line in kept.read_bytes().splitlines()] == lines
    plates = {line["vehicle_plate"] for line in pipeline.lines()}
    assert plates == {*cars.traffic.exits.values(), *new.traffic.exits.values()}


@pytest.fixture
def own(run_service, redis_server, rabbitmq_server: RabbitServer, mall: str, tmp_path: Path) -> Pipeline:
    """A pipeline whose RabbitMQ may be broken."""
    return Pipeline(run_service, redis_server.url, rabbitmq_server.add_vhost(mall), mall, tmp_path)


async def test_recording_goes_on_while_the_mark_cannot_be_renewed(own: Pipeline, rabbitmq_server: RabbitServer):
    own.start()
    async with Cars(own.rabbitmq_url) as cars:
        await settled(own, cars)
        os.kill(own.backends[0].pid, signal.SIGSTOP)
        await cars.drive(CARS)
        with MemoryAlarm(rabbitmq_server):
            os.kill(own.backends[0].pid, signal.SIGCONT)
            await own.balances(cars.traffic)
            await own.until(lambda: "the mark cannot be renewed" in own.backends[0].output.read_text())
            assert log_problem(own.backends[0]) == ""


async def test_a_mall_that_never_had_a_mark_waits_while_an_alarm_lasts_and_says_so(
    own: Pipeline, rabbitmq_server: RabbitServer, redis_server: RedisServer, mall: str
):
    """Nobody can tell whether there is a mark, and none could be written before the first acknowledgement."""
    own.start_api()
    with MemoryAlarm(rabbitmq_server):
        own.start_backends(EACH_ALONE, ready=False)
        await refused(own, "memory or disk is short")
        found = json.loads(Command(redis_server.url, mall, own.environ).run("doctor", "--json").stdout)["findings"]
        assert any("memory or disk is short" in one["found"] for one in found if one["about"] == "log against the mark")
        assert data_of(redis_server) == {}
    async with Cars(own.rabbitmq_url) as cars:
        await own.until(lambda: not any(map(log_problem, own.backends)))
        await cars.drive(CARS)
        await own.balances(cars.traffic)


async def test_a_mark_whose_queue_was_deleted_is_written_again(
    own: Pipeline, rabbitmq_server: RabbitServer, redis_server: RedisServer, tmp_path: Path
):
    own.start()
    vhost = unquote(urlsplit(own.rabbitmq_url).path[1:])
    async with Cars(own.rabbitmq_url) as cars:
        await settled(own, cars)
        deleted = QueueDeleted(rabbitmq_server, vhost, MARK_QUEUE)
        deleted.inject()
        await own.until(lambda: _messages(rabbitmq_server, vhost) > 1)
        stop(own)
        with Emptied(redis_server, tmp_path):
            start(own, SPLITS[0], ready=False)
            await refused(own, "holds no log")
            assert data_of(redis_server) == {}


def _messages(server: RabbitServer, vhost: str) -> int:
    listed = server.control("list_queues", "-p", vhost, "--no-table-headers", "--quiet", "name", "messages")
    counts = dict(line.split() for line in listed.splitlines())
    return int(counts.get(MARK_QUEUE, 0))
