"""The log is archived and restored, by commands that are killed, while a backend records, projects and delivers."""

import asyncio
import os
import random
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from archives import archive_of, archive_through
from eventlog_stores import RedisStore, entered
from parkstream_devtools import failing
from parkstream_eventlog.archive import Archive, SpanningLog, defects_of
from pipeline import Pipeline
from pipeline_traffic import Cars, driving
from projections import Truth

KILLS = 8
KEEP = "25"


@pytest.fixture
async def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    pipeline = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    pipeline.environ["PARKSTREAM_ARCHIVE_DIR"] = str(tmp_path / "archive")
    return pipeline


@pytest.fixture
async def store(redis_url, mall) -> AsyncIterator[RedisStore]:
    store = RedisStore(redis_url, mall)
    yield store
    await store.close()


def folder_of(pipeline: Pipeline) -> Path:
    return Path(pipeline.environ["PARKSTREAM_ARCHIVE_DIR"])


def command(pipeline: Pipeline, *words: str) -> subprocess.Popen:
    full = [sys.executable, "-m", "parkstream_cli", "log", *words]
    environ = {**os.environ, **pipeline.environ}
    return subprocess.Popen(full, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


async def finished(pipeline: Pipeline, *words: str) -> None:
    """Let a command end well; it may be refused while the projection lags behind."""
    deadline = time.monotonic() + 240
    while True:
        with command(pipeline, *words) as archiver:
            _, refusal = await asyncio.to_thread(archiver.communicate)
        if archiver.returncode == 0:
            return
        assert "let it catch up" in refusal, refusal
        assert time.monotonic() < deadline, refusal


async def whole_log(store: RedisStore, folder: Path) -> Truth:
    """Return what the log amounts to, every record of it once, wherever it is."""
    archive = Archive(folder, store.keys.mall)
    assert list(defects_of(archive)) == []
    records = await SpanningLog(store.log, archive).read(0, 1_000_000)
    assert [record.position for record in records] == list(range(1, (await store.log.state()).position + 1))
    return Truth(records)


async def test_archiving_under_traffic_and_kills_loses_nothing(pipeline: Pipeline, store: RedisStore):
    chance = random.Random(8)
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, driving(cars) as task:
        await pipeline.until(lambda: pipeline.state()["position"] > 50)
        for nth in range(KILLS):
            with command(pipeline, *(["restore"] if nth % 4 == 3 else ["archive", "--keep", KEEP])) as archiver:
                await asyncio.sleep(chance.uniform(0.3, 2.0))
                archiver.kill()
        await finished(pipeline, "archive", "--keep", KEEP)
        await finished(pipeline, "restore")
        await finished(pipeline, "archive", "--keep", KEEP)
        assert not task.done()
    state = await pipeline.balances(cars.traffic)
    truth = await whole_log(store, folder_of(pipeline))
    assert truth.hash == state["state_hash"]
    assert (await store.log.state()).archived_through > 50


async def test_a_backend_that_was_away_reads_on_in_the_archive(pipeline: Pipeline, store: RedisStore):
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(40)
        await pipeline.balances(cars.traffic)
    assert pipeline.backends[0].terminate() == 0
    await archive_through(store, folder_of(pipeline), 1_000_000)
    await store.redis.delete(*await store.redis.keys(store.keys.key("projection", "*")), store.keys.projections)
    backend = pipeline.start_backend()
    position = (await store.log.state()).position
    await pipeline.until(lambda: pipeline.state()["lag"] == 0)
    assert pipeline.state()["position"] >= position
    assert pipeline.state()["state_hash"] == (await whole_log(store, folder_of(pipeline))).hash
    assert backend.alive
    assert len(pipeline.lines()) == pipeline.stats()["lines"]


async def test_a_log_shorter_than_its_archive_is_refused(pipeline: Pipeline, store: RedisStore):
    await asyncio.to_thread(folder_of(pipeline).mkdir)
    archive_of(folder_of(pipeline), 30, mall=store.keys.mall)
    await store.log.append([entered(str(n)) for n in range(10)])
    pipeline.start_api()
    backend = pipeline.start_backend(ready=False)
    await pipeline.until(lambda: "the log ends at 10, but it was read up to 30" in failing(backend.url).get("log", ""))
    assert backend.alive
