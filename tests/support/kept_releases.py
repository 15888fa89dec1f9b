"""What each release left, kept for all later ones: a log, its state, an archive and a summary file."""

import asyncio
import json
import tarfile
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aio_pika
from backend_sightings import entry, exit_, now, publish_entry, publish_exit
from command_line import Answer, CommandLine
from parkstream_eventlog import Appended, RedisLog
from parkstream_events import topology, wire
from parkstream_events.keys import BackendKeys, Database
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_service.redis import connect
from pipeline import Pipeline
from pipeline_traffic import Cars

RELEASES = Path(__file__).parents[1] / "fixtures" / "releases"
ARCHIVED = 40
CARS = 30
MALL = "kept"
PARTS, EXPECTED = "release.tar.xz", "expected.json"
BACKUP, LOG, SUMMARIES = "backup", "log.jsonl", "summaries.jsonl"


class Site:
    """A pipeline with all that a mall has on disk, and the command line beside it."""

    def __init__(self, pipeline: Pipeline, folder: Path) -> None:
        self.pipeline = pipeline
        self.folder = folder
        pipeline.environ["PARKSTREAM_ARCHIVE_DIR"] = str(folder / "archive")

    async def run(self, *words: str, **environ: str) -> Answer:
        """Run a command, which must end well."""
        told = {**self.pipeline.environ, "PARKSTREAM_SUMMARY_FILE": str(self.pipeline.file), **environ}
        answer = await asyncio.to_thread(CommandLine(told), *words)
        assert answer.code == 0, answer.err + answer.out
        return answer

    async def hash_of(self, **environ: str) -> str:
        """Return the state hash that a fold of the whole log gives; it must be that of the state, if there is one."""
        checked = (await self.run("replay", "--check", "--json", **environ)).object
        assert checked["hash_equal"], checked
        found: str = checked["hash"]
        return found

    async def delivered(self) -> None:
        """Wait until nothing waits."""
        waits = ("lag", "pending", "outbox_depth")
        await self.pipeline.until(lambda: not any(self.pipeline.state()[name] for name in waits), 120)

    async def outcome(self, name: str, count: int) -> None:
        """Wait until so many visits have come out so."""
        await self.pipeline.until(lambda: self.pipeline.stats()["current"].get(name, 0) >= count)


async def make(site: Site, redis_url: str, release: Path) -> None:
    """Live through everything that a log and its state can hold, and keep it as *release*."""
    pipeline = site.pipeline
    await asyncio.to_thread(pipeline.start)
    connection = await aio_pika.connect(pipeline.rabbitmq_url)
    async with connection, Cars(pipeline.rabbitmq_url) as cars:
        channel = await connection.channel(on_return_raises=True)
        await cars.drive(CARS)
        await _odd_cars(site, await channel.get_exchange(topology.EVENTS_EXCHANGE))
        await _unreadable(site, redis_url)
        await site.delivered()
        await site.run("log", "archive", "--through", str(ARCHIVED))
        pipeline.api.kill()
        goal = pipeline.state()["position"] - cars.traffic.sightings
        await cars.drive(5)  # Their summaries wait in the outbox.
        goal += cars.traffic.sightings
        await pipeline.until(lambda: pipeline.state()["position"] >= goal)
    await pipeline.until(lambda: not pipeline.state()["lag"] and not pipeline.state()["pending"])
    assert await asyncio.to_thread(pipeline.backends[0].terminate) == 0
    expected = {"mall": MALL, "state_hash": await site.hash_of()}
    await site.run("log", "export", str(site.folder / LOG))
    await site.run("backup", str(site.folder / BACKUP))
    await asyncio.to_thread(pipeline.start)
    await site.delivered()
    assert {line["outcome"] for line in pipeline.lines()} == {"completed", "entry_missed", "exit_missed", "retracted"}
    _keep(site, release, expected)


def _keep(site: Site, release: Path, expected: dict[str, str]) -> None:
    (site.folder / SUMMARIES).write_bytes(site.pipeline.file.read_bytes())
    release.mkdir(parents=True, exist_ok=True)
    with tarfile.open(release / PARTS, "w:xz") as archive:
        for name in (BACKUP, LOG, SUMMARIES):
            archive.add(site.folder / name, name)
    (release / EXPECTED).write_text(json.dumps(expected, indent=2) + "\n")


async def _odd_cars(site: Site, events: aio_pika.abc.AbstractExchange) -> None:
    """Let cars be read twice, be corrected, and come through gates, in both versions of an event."""

    async def enters(id_: str, plate: str, at: datetime, **more: Any) -> None:
        await publish_entry(events, entry(id_, plate, at, **more))

    async def leaves(id_: str, plate: str, at: datetime, **more: Any) -> None:
        await publish_exit(events, exit_(id_, plate, at, **more))

    minute, begun = timedelta(minutes=1), now() - timedelta(minutes=9)
    await leaves("late-x", "LATE1", begun + minute, gate="east", confidence=0.9)
    await enters("twice-e1", "TWICE1", begun, gate="north")
    await enters("twice-e2", "TWICE1", begun + 2 * minute, gate="north")
    await leaves("twice-x2", "TWICE1", begun + 3 * minute, gate="east")
    await site.outcome("exit_missed", 1)
    await leaves("twice-x1", "TWICE1", begun + minute, gate="east")
    await enters("late-e", "LATE1", begun, gate="north")
    camera = {"camera": {"site": "mall", "lane": "2"}}
    await publish_entry(events, entry("new-e", "NEW1", begun, **camera), type=wire.ENTERED_V2)
    for read in range(3):
        at = begun + minute + timedelta(seconds=read / 2)
        await publish_exit(events, exit_(f"new-x{read}", "NEW1", at, **camera), type=wire.EXITED_V2)
    await site.outcome("retracted", 1)


async def _unreadable(site: Site, redis_url: str) -> None:
    """Leave a record that no program can read, and accept it."""
    redis = connect(redis_url, Database.BACKEND)
    log = RedisLog(redis, BackendKeys(MALL), LOG_SCHEMA)
    appended = await log.decide("vehicle.flew.v1", "odd", b"\xff", unless_after=None)
    await redis.aclose()
    assert isinstance(appended, Appended)
    await site.run("log", "acknowledge", str(appended.position), "--reason", "no program can read it")
