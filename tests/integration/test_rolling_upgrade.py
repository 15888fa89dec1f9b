"""Backends of two versions of the rules and of all Lua libraries side by side, while cars come and go."""

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from command_line import CommandLine
from parkstream_devtools import RedisServer, ServiceProcess
from pipeline import Pipeline
from pipeline_traffic import Cars, driving
from readiness import failing

NEWER = {"PYTHONPATH": str(Path(__file__).parents[1] / "support" / "newer_version")}
"""What makes a process the next version."""


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


def command_line(pipeline: Pipeline, **environ: str) -> CommandLine:
    return CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_URL": pipeline.api.url, **environ})


def checks_of(backend: ServiceProcess) -> dict[str, str]:
    """Return what its ready says of each check."""
    try:
        with urllib.request.urlopen(f"{backend.url}/health/ready", timeout=5) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    except OSError:
        return {}
    return {name: check["detail"] for name, check in found["checks"].items()}


def stands_by(backend: ServiceProcess) -> bool:
    return "version" in checks_of(backend).get("state", "")


def is_ready(backend: ServiceProcess) -> bool:
    return not failing(backend.url)


async def test_a_backend_waits_for_its_functions_and_says_so(pipeline: Pipeline, redis_server: RedisServer):
    pipeline.start_api()
    newer = pipeline.start_backend(NEWER, ready=False)
    await pipeline.until(lambda: "parkstream functions load" in checks_of(newer).get("redis", ""))
    loaded = command_line(pipeline, **NEWER)("functions", "load", "--json").object["libraries"]
    assert {one["state"] for one in loaded} == {"loaded"}
    assert {one["state"] for one in command_line(pipeline)("functions", "load", "--json").object["libraries"]} == {
        "present"
    }
    await pipeline.until(lambda: is_ready(newer))


async def test_an_upgrade_and_the_way_back_under_traffic(pipeline: Pipeline):
    pipeline.start()
    older, newer = command_line(pipeline), command_line(pipeline, **NEWER)
    (old,) = pipeline.backends
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await asyncio.to_thread(newer, "functions", "load")
        new = pipeline.start_backend(NEWER, ready=False)
        await pipeline.until(lambda: stands_by(new))
        assert is_ready(old)

        switched = await asyncio.to_thread(newer, "replay", "--switch", "--json")
        assert switched.code == 0, switched.err
        await pipeline.until(lambda: stands_by(old) and is_ready(new))

        back = await asyncio.to_thread(older, "replay", "--rollback", "--json")
        assert back.code == 0, back.err
        await pipeline.until(lambda: stands_by(new) and is_ready(old))
        old.terminate()
        again = pipeline.start_backend()
        assert stands_by(new)
    assert again.alive
    assert new.alive
    await pipeline.balances(cars.traffic)
