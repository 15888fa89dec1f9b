"""Backends of two versions of the rules and of all Lua libraries side by side, while cars come and go."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from command_line import CommandLine
from parkstream_devtools import RedisServer, ServiceProcess, is_ready
from pipeline import Pipeline
from pipeline_traffic import Cars, driving

SUPPORT = Path(__file__).parents[1] / "support"
NEWER = {"PYTHONPATH": str(SUPPORT / "newer_version")}
"""What makes a process the next version."""
NEWER_EVENTS = {"PYTHONPATH": str(SUPPORT / "newer_events")}
"""What makes a process know version 3 of both sightings."""


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


def command_line(pipeline: Pipeline, **environ: str) -> CommandLine:
    return CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_URL": pipeline.api.url, **environ})


def checks_of(backend: ServiceProcess) -> dict[str, str]:
    """Return what its ready says of each check."""
    try:
        with urllib.request.urlopen(f"{backend.url}/health/ready", timeout=60) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    except OSError:
        return {}
    return {name: check["detail"] for name, check in found["checks"].items()}


def dead_letters_of(pipeline: Pipeline) -> int:
    return len(command_line(pipeline)("dead-letters", "list", "--limit", "1000", "--json").lines)


def stands_by(backend: ServiceProcess) -> bool:
    return "version" in checks_of(backend).get("state", "")


async def test_a_backend_waits_for_its_functions_and_says_so(pipeline: Pipeline, redis_server: RedisServer):
    pipeline.start_api()
    newer = pipeline.start_backend(NEWER, ready=False)
    await pipeline.until(lambda: "parkstream functions load" in checks_of(newer).get("redis", ""))
    loaded = command_line(pipeline, **NEWER)("functions", "load", "--json").object["libraries"]
    assert {one["state"] for one in loaded} == {"loaded"}
    assert {one["state"] for one in command_line(pipeline)("functions", "load", "--json").object["libraries"]} == {
        "present"
    }
    await pipeline.until(lambda: is_ready(newer.url))


async def test_an_upgrade_and_the_way_back_under_traffic(pipeline: Pipeline):
    pipeline.start()
    older, newer = command_line(pipeline), command_line(pipeline, **NEWER)
    (old,) = pipeline.backends
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await asyncio.to_thread(newer, "functions", "load")
        new = pipeline.start_backend(NEWER, ready=False)
        await pipeline.until(lambda: stands_by(new))
        assert is_ready(old.url)

        switched = await asyncio.to_thread(newer, "replay", "--switch", "--json")
        assert switched.code == 0, switched.err
        await pipeline.until(lambda: stands_by(old) and is_ready(new.url))

        back = await asyncio.to_thread(older, "replay", "--rollback", "--json")
        assert back.code == 0, back.err
        await pipeline.until(lambda: stands_by(new) and is_ready(old.url))
        old.terminate()
        again = pipeline.start_backend()
        assert stands_by(new)
    assert again.alive
    assert new.alive
    await pipeline.balances(cars.traffic)


async def test_cameras_that_are_renewed_before_the_backends_lose_nothing(pipeline: Pipeline):
    """The wrong order: what nobody can read yet is kept, named, and sent again once somebody can."""
    pipeline.start()
    (old,) = pipeline.backends
    async with Cars(pipeline.rabbitmq_url, version=3) as cars:
        await cars.drive(20)
        await pipeline.until(lambda: "vehicle.entered.v3 became dead letters" in checks_of(old).get("versions", ""))
        assert is_ready(old.url)
        new = pipeline.start_backend(NEWER_EVENTS)
        await pipeline.until(lambda: dead_letters_of(pipeline) == len(cars.traffic.entries) + len(cars.traffic.exits))
        doctor = command_line(pipeline, **NEWER_EVENTS)("doctor", "--json")
        found = [one["found"] for one in json.loads(doctor.out)["findings"] if one["about"] == "dead letters"]
        assert any("of vehicle.entered.v3: versions that this program reads" in one for one in found), doctor.out
        old.terminate()
        redriven = command_line(pipeline, **NEWER_EVENTS)("dead-letters", "redrive", "--reason", "unknown_type")
        assert redriven.code == 0, redriven.err
    assert new.alive
    await pipeline.balances(cars.traffic)


async def test_cameras_of_a_newer_version_while_backends_of_both_run(pipeline: Pipeline):
    """Older ones give back what only the newer records, and let it project; without it, all of that waits."""
    pipeline.start()
    (old,) = pipeline.backends
    new = pipeline.start_backend(NEWER_EVENTS)
    async with (
        Cars(pipeline.rabbitmq_url, "n", version=3) as newer,
        Cars(pipeline.rabbitmq_url, traffic=newer.traffic) as cars,
        driving(cars),
    ):
        await newer.drive(200)
        await pipeline.until(lambda: pipeline.state()["position"] >= 300 and not pipeline.state()["lag"])
        new.kill()
        await newer.drive(20)
        await pipeline.until(lambda: "wait for a newer backend" in checks_of(old)["versions"])
        pipeline.start_backend(NEWER_EVENTS)
    assert old.alive
    await pipeline.balances(newer.traffic)
    assert dead_letters_of(pipeline) == 0


async def test_an_older_backend_leaves_the_projection_to_one_that_knows_the_version(pipeline: Pipeline):
    pipeline.start_api()
    pipeline.start_backend({**NEWER_EVENTS, "PARKSTREAM_ROLES": "record"})
    old = pipeline.start_backend({"PARKSTREAM_ROLES": "project,deliver"})
    async with Cars(pipeline.rabbitmq_url, "n", version=3) as newer:
        await newer.drive(20)
        await pipeline.until(lambda: "a version that a newer program recorded" in checks_of(old).get("state", ""))
        pipeline.start_backend({**NEWER_EVENTS, "PARKSTREAM_ROLES": "project"})
        await pipeline.until(lambda: is_ready(old.url))
    await pipeline.balances(newer.traffic)
    assert pipeline.state()["unreadable"] == 0
