"""The drill of the runbook: everything is lost, and comes back out of a backup and nothing else."""

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import Answer, CommandLine
from parkstream_devtools import RedisServer, failing
from parkstream_messaging.mark_stream import last_mark
from pipeline import POLL_SECONDS, Pipeline
from pipeline_traffic import Cars, driving
from redis_contents import data_of

RECORDS = 150
CARS = 20
ARCHIVED = "60"


class Drill:
    """A pipeline with all that a mall has on disk, and the command line that takes and restores backups."""

    def __init__(self, pipeline: Pipeline, redis: RedisServer, folder: Path) -> None:
        self.pipeline = pipeline
        self.redis = redis
        self.backup = folder / "backup"
        self.archive = folder / "archive"
        pipeline.environ["PARKSTREAM_ARCHIVE_DIR"] = str(self.archive)
        self._parkstream = CommandLine({**pipeline.environ, "PARKSTREAM_SUMMARY_FILE": str(pipeline.file)})

    async def run(self, *words: str) -> Answer:
        """Run a command, which must end well."""
        answer = await asyncio.to_thread(self._parkstream, *words)
        assert answer.code == 0, answer.err + answer.out
        return answer

    async def grow(self, more: int) -> None:
        """Wait until so many more records are projected."""
        position = self.pipeline.state()["position"] + more
        await self.pipeline.until(lambda: self.pipeline.state()["position"] >= position)

    async def marked_beyond(self, position: int) -> None:
        """Wait until the mark says that what comes after *position* was durable."""
        while (mark := await last_mark(self.pipeline.rabbitmq_url)) is None or mark.position <= position:
            await asyncio.sleep(POLL_SECONDS)

    async def caught_up(self) -> None:
        """Wait until nothing waits to be projected or delivered."""

        def idle() -> bool:
            state = self.pipeline.state()
            return not (state["lag"] or state["pending"] or state["outbox_depth"])

        await self.pipeline.until(idle)

    async def exported(self, position: int) -> bytes:
        """Return the log up to *position*, wherever its records are."""
        file = self.backup.with_name("export.jsonl")
        await self.run("log", "export", str(file), "--to", str(position))
        return file.read_bytes()

    def lose_everything(self) -> None:
        """Kill what runs, and delete all of its data."""
        for service in (*self.pipeline.backends, self.pipeline.api):
            if service.alive:
                service.kill()
        self.redis.kill()
        shutil.rmtree(self.redis.folder)
        self.redis.folder.mkdir()
        if self.archive.exists():
            shutil.rmtree(self.archive)
        self.pipeline.file.unlink()
        self.pipeline.file.with_name(f"{self.pipeline.file.name}.log.json").unlink()

    async def put_back(self) -> None:
        """Do step 2 of the runbook, and start Redis."""
        await self.run("restore", str(self.backup))
        await asyncio.to_thread(self.redis.start)
        self.pipeline.backends.clear()

    async def start_rest(self) -> None:
        """Do steps 4 and 5."""
        await asyncio.to_thread(self.pipeline.start_api)
        assert (await self.doctor("log"))["level"] == "ok"
        await asyncio.to_thread(self.pipeline.start_backend)

    async def doctor(self, about: str) -> dict[str, Any]:
        """Return what the doctor finds about that; others may find what is not started yet."""
        found = json.loads((await asyncio.to_thread(self._parkstream, "doctor", "--json")).out)["findings"]
        return next(finding for finding in found if finding["about"] == about)

    async def adopt(self) -> dict[str, Any]:
        """Do step 3: accept that the log ends before its mark; the restored file goes on."""
        self.pipeline.file.with_name(f"{self.pipeline.file.name}.log.json").unlink()
        return (await self.run("log", "adopt", "--yes", "--json")).object

    async def agrees(self) -> None:
        """Do step 6."""
        await self.run("log", "verify", "--summaries", str(self.pipeline.file))
        await self.run("replay", "--check")


@pytest.fixture
def drill(run_service, redis_server, rabbitmq_url, mall, tmp_path) -> Drill:
    return Drill(Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path), redis_server, tmp_path)


@pytest.fixture
def new_rabbitmq_url(servers, mall) -> Iterator[str]:
    """Address of a RabbitMQ that has never heard of the mall."""
    yield servers.rabbitmq.add_vhost(f"{mall}-new")
    servers.rabbitmq.delete_vhost(f"{mall}-new")


def pairs(lines: list[dict[str, Any]], through: int) -> Counter[tuple[str, int]]:
    return Counter((line["visit_id"], line["revision"]) for line in lines if line["position"] <= through)


async def test_a_backup_under_traffic_brings_back_all_that_was_there(drill: Drill, new_rabbitmq_url: str):
    pipeline = drill.pipeline
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        async with driving(cars):
            await drill.grow(RECORDS)
            await drill.run("log", "archive", "--through", ARCHIVED)
            taken = (await drill.run("backup", str(drill.backup), "--json")).object
            await drill.grow(RECORDS)
        await pipeline.balances(cars.traffic)
    assert 0 < taken["archived_through"] < taken["position"] < pipeline.state()["position"]
    log, lines = await drill.exported(taken["position"]), pairs(pipeline.lines(), taken["position"])
    drill.lose_everything()
    pipeline.environ["PARKSTREAM_RABBITMQ_URL"] = new_rabbitmq_url  # Its disk is lost, too.
    await drill.put_back()
    await drill.start_rest()
    await drill.caught_up()
    assert await drill.exported(taken["position"]) == log
    assert pairs(pipeline.lines(), taken["position"]) == lines
    assert set(lines.values()) == {1}
    assert pipeline.stats()["lines"] == len(pipeline.lines()) == pipeline.state()["counters"]["emitted"]
    await drill.agrees()


async def test_with_the_backends_stopped_first_nothing_is_lost_at_all(drill: Drill):
    pipeline = drill.pipeline
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars:
        async with driving(cars):
            await drill.grow(RECORDS)
            for backend in pipeline.backends:
                assert await asyncio.to_thread(backend.terminate) == 0
            await drill.run("backup", str(drill.backup))
            published = cars.traffic.sightings
            await pipeline.until(lambda: cars.traffic.sightings > published + RECORDS)
        drill.lose_everything()
        await drill.put_back()
        await drill.start_rest()
        await pipeline.balances(cars.traffic)
    await drill.agrees()


async def test_what_was_acknowledged_since_is_lost_by_name_and_all_else_goes_on(drill: Drill):
    """RabbitMQ is the same, so its mark knows more than the backup: nothing is written until a person adopts that."""
    pipeline = drill.pipeline
    pipeline.start()
    async with Cars(pipeline.rabbitmq_url) as cars, Cars(pipeline.rabbitmq_url, "lost") as lost:
        await cars.drive(CARS)
        await pipeline.balances(cars.traffic)
        await drill.run("log", "archive", "--through", "10")
        taken = (await drill.run("backup", str(drill.backup), "--json")).object
        await lost.drive(CARS)
        await drill.marked_beyond(taken["position"])
        drill.lose_everything()
        await cars.drive(CARS)
        await drill.put_back()
        restored = data_of(drill.redis)
        about_the_mark = await drill.doctor("log against the mark")
        assert (about_the_mark["level"], "restore" in about_the_mark["advice"]) == ("wrong", True)
        backend = await asyncio.to_thread(pipeline.start_backend, {"PARKSTREAM_ROLES": "record"}, ready=False)
        await pipeline.until(lambda: f"the log ends at {taken['position']}, " in failing(backend.url).get("log", ""))
        assert data_of(drill.redis) == restored
        done = await drill.adopt()
        assert (done["lost_log_id"], done["lost_after"]) == (taken["log_id"], taken["position"])
        assert done["lost_through"] > taken["position"]
        await drill.start_rest()
        await pipeline.balances(cars.traffic)
    assert not {line["vehicle_plate"] for line in pipeline.lines()} & {*lost.traffic.exits.values()}
    await drill.agrees()
