"""A live pipeline is verified and exported while events keep coming: nothing is found, and both come to an end."""

import asyncio

import pytest
from command import Command
from parkstream_eventlog.transfer.json_lines import record_of
from pipeline import Pipeline
from pipeline_traffic import Cars


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


@pytest.fixture
def command(redis_url, mall, pipeline) -> Command:
    return Command(redis_url, mall, {"PARKSTREAM_SUMMARY_FILE": str(pipeline.file)})


async def driving(cars: Cars, until: asyncio.Event) -> None:
    while not until.is_set():
        await cars.drive(100)


async def test_verify_finds_nothing_on_a_live_system(pipeline, command):
    pipeline.start()
    enough = asyncio.Event()
    async with Cars(pipeline.rabbitmq_url) as cars:
        traffic = asyncio.create_task(driving(cars, enough))
        await pipeline.until(lambda: pipeline.stats()["lines"] > 0)
        reports = [await asyncio.to_thread(command.json, "log", "verify") for _ in range(4)]
        enough.set()
        await traffic
    assert [report["findings"] for report in reports] == [[]] * 4
    assert reports[0]["last"] < reports[-1]["last"]
    await pipeline.balances(cars.traffic)
    at_rest = await asyncio.to_thread(command.json, "log", "verify")
    assert at_rest["findings"] == []
    assert at_rest["summaries"] == len(pipeline.lines())


async def test_export_of_a_growing_log_ends_where_the_log_ended(pipeline, command, tmp_path):
    pipeline.start()
    enough = asyncio.Event()
    async with Cars(pipeline.rabbitmq_url) as cars:
        traffic = asyncio.create_task(driving(cars, enough))
        await pipeline.until(lambda: pipeline.stats()["lines"] > 0)
        moved = await asyncio.to_thread(command.json, "log", "export", str(tmp_path / "log.jsonl"))
        enough.set()
        await traffic
    records = [record_of(line) for line in (tmp_path / "log.jsonl").read_bytes().splitlines()]
    assert [record.position for record in records] == list(range(1, moved["last"] + 1))
    assert pipeline.state()["position"] > moved["last"] > 0
