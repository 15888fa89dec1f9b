"""The summary API is away, dies, has no room, or does not let us in: what was emitted is written in the end, once."""

import asyncio
import json
import resource
from hashlib import sha256

import pytest
from pipeline import Pipeline, get
from pipeline_traffic import Cars, driving

RECORDED = 'parking_record_outcomes_total{parking_outcome="appended"} '


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


async def restart_api(pipeline: Pipeline) -> None:
    pipeline.api.restart()
    await asyncio.to_thread(pipeline.api.wait_ready)


def recorded(pipeline: Pipeline) -> int:
    """Return how many sightings were recorded; decisions are records too, and go on."""
    (line,) = [one for one in pipeline.metrics().splitlines() if one.startswith(RECORDED)]
    return int(float(line.removeprefix(RECORDED)))


async def test_an_api_that_is_away_for_three_seconds(pipeline: Pipeline):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await asyncio.sleep(1)
        pipeline.api.kill()
        await asyncio.sleep(3)
        await restart_api(pipeline)
        await asyncio.sleep(1)
    assert cars.traffic.sightings >= 500
    await pipeline.balances(cars.traffic)
    assert "deliver.failing" in pipeline.backends[0].output.read_text()
    assert "deliver.resumed" in pipeline.backends[0].output.read_text()


async def test_an_api_that_is_killed_again_and_again(pipeline: Pipeline):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars, pause_seconds=0.02):
        for _ in range(6):
            await asyncio.sleep(0.4)
            pipeline.api.kill()
            await restart_api(pipeline)
    await pipeline.balances(cars.traffic)


async def test_a_disk_that_is_full_for_a_while(pipeline: Pipeline):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await asyncio.sleep(1)
        room = pipeline.file.stat().st_size + 1_000
        resource.prlimit(pipeline.api.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        await asyncio.sleep(3)
        assert pipeline.state()["outbox_depth"] > 0
        assert pipeline.state()["parked"] == 0
        resource.prlimit(pipeline.api.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await pipeline.balances(cars.traffic)


async def test_a_credential_that_is_wrong_parks_nothing_and_is_put_right_without_a_restart(pipeline: Pipeline):
    callers, own = (pipeline.file.with_name(name) for name in ("callers", "own"))
    roles = {"summaries:write": b"right", "visits:read": b"wrong"}
    hashes = {role: f"sha256:{sha256(secret).hexdigest()}" for role, secret in roles.items()}
    named = {
        f"caller-{number}": {"roles": [role], "secrets": [one]} for number, (role, one) in enumerate(hashes.items())
    }
    callers.write_text(json.dumps(named))
    own.write_text("wrong")
    pipeline.start_api({"PARKSTREAM_CREDENTIALS_FILE": str(callers)})
    backend = pipeline.start_backend({"PARKSTREAM_API_TOKEN_FILE": str(own)})
    pipeline.token = "wrong"
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(50)
        await pipeline.until(lambda: "deliver.failing" in backend.output.read_text())
        assert pipeline.state()["parked"] == 0
        own.write_text("right")
        await pipeline.balances(cars.traffic)
    assert "deliver.resumed" in backend.output.read_text()


async def test_recording_pauses_while_too_many_summaries_wait(pipeline: Pipeline):
    pipeline.start_api()
    pipeline.api.kill()
    backend = pipeline.start_backend({"PARKSTREAM_OUTBOX_MAX": "100"})
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars):
        await pipeline.until(lambda: "record.paused" in backend.output.read_text())
        await asyncio.sleep(1)  # What was in hand when the gate shut is recorded still.
        before = recorded(pipeline)
        await asyncio.sleep(2)
        assert recorded(pipeline) == before > 0
        await restart_api(pipeline)
        await pipeline.until(lambda: "record.resumed" in backend.output.read_text().partition("record.paused")[2])
    await pipeline.balances(cars.traffic)
    assert get(f"{backend.url}/health/ready")["status"] == "ok"
