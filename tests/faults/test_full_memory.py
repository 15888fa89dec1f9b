"""The one Redis of all services is full to the last byte: nothing is recorded, and what waits is delivered.

What frees memory heals it.
"""

import asyncio

import pytest
from command_line import CommandLine
from parkstream_devtools import RedisServer
from parkstream_devtools.faults import MemoryFull
from pipeline import Pipeline
from pipeline_traffic import Cars

CARS = 2_500


@pytest.fixture
def pipeline(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)


async def test_a_full_redis_delivers_and_is_healed_by_what_is_settled_and_archived(
    pipeline: Pipeline, redis_server: RedisServer, tmp_path
):
    archive = {"PARKSTREAM_ARCHIVE_DIR": str(tmp_path / "archive")}
    api = pipeline.start_api()
    backend = pipeline.start_backend(archive)
    parkstream = CommandLine(pipeline.environ | archive)
    async with Cars(pipeline.rabbitmq_url) as cars:
        api.kill()
        await cars.drive(CARS)
        await pipeline.until(lambda: outbox_of(pipeline) == CARS)
        with MemoryFull(redis_server):
            await pipeline.until(lambda: "redis_memory" in backend.output.read_text())
            recorded = pipeline.state()["position"]
            await cars.drive(20)
            api.restart()
            await pipeline.until(lambda: outbox_of(pipeline) == 0)
            assert pipeline.state()["position"] == recorded
            moved = await asyncio.to_thread(parkstream, "log", "archive", "--through", str(recorded), "--json")
            assert moved.code == 0, moved.err
            await pipeline.balances(cars.traffic)
    assert "record.resumed" in backend.output.read_text()


def outbox_of(pipeline: Pipeline) -> int:
    """Return how many summaries wait once all that was recorded is projected; -1 before."""
    state = pipeline.state()
    return -1 if state["lag"] or state["pending"] else int(state["outbox_depth"])
