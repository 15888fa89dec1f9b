"""A mall moves to another RabbitMQ while cars come and go: nothing lost, nothing twice, nothing decided too early."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import aio_pika
import pytest
from aio_pika.exceptions import ChannelNotFoundEntity
from backend_sightings import poison, publish_entry
from camera_queues import eventually
from command_line import CommandLine
from parkstream_devtools import RabbitServer, RedisServer, failing
from parkstream_events.marks import LogName, Mark
from parkstream_events.topology import DEAD_LETTERS_QUEUE, ENTRIES_QUEUE, EVENTS_EXCHANGE, WORK_QUEUES
from parkstream_messaging.dead_letters import Letter, dead_letters
from parkstream_messaging.mark_stream import MarkStream, last_mark
from parkstream_operations.broker import broker
from parkstream_operations.cells.secret_files import FOLDER, folder_name
from pipeline import Pipeline
from pipeline_traffic import Cars, driving

PAUSE_SECONDS = 0.15
"""20 cars, 36 sightings, and then this: about 200 events a second."""
BEFORE, AFTER = 1_000, 1_500
WAITING = 3_000
READY_SECONDS = 240
NOT_OVERDUE = {"PARKSTREAM_HOLD_MAX_SECONDS": "600"}
"""However long the pause is: a visit that is pending for longer is decided by the clock, whatever waits."""
HAND_OVER = """
import pathlib, sys, time
asked, done = map(pathlib.Path, sys.argv[1:])
asked.touch()
while not done.exists():
    time.sleep(0.05)
"""
"""What stands for the command of whoever runs the services: the test starts them."""


class Place(NamedTuple):
    """A mall with vhost, users and rights of its own, and where it may go."""

    mall: str
    pipeline: Pipeline
    folder: Path
    old: RabbitServer
    new: RabbitServer
    run: CommandLine

    @property
    def server(self) -> str:
        return f"amqp://127.0.0.1:{self.new.port}"

    @property
    def words(self) -> tuple[str, ...]:
        """The move that makes vhost and users."""
        return ("cells", "move", self.mall, "--rabbitmq-url", self.server, "--management", admin_of(self, self.new))

    @property
    def handed_over(self) -> tuple[str, ...]:
        program = f"{sys.executable} -c '{HAND_OVER}' {self.folder / 'asked'} {self.folder / 'done'}"
        return ("--restart", program, "--json")

    def url(self, role: str) -> str:
        """The address that is in the secrets now."""
        return (self.folder / FOLDER / folder_name(self.mall) / f"rabbitmq_url_{role}").read_text()

    def start(self) -> None:
        self.pipeline.rabbitmq_url = self.pipeline.environ["PARKSTREAM_RABBITMQ_URL"] = self.url("backend")
        self.pipeline.backends.clear()
        self.pipeline.start_backend(NOT_OVERDUE, ready=False).wait_ready(READY_SECONDS)

    async def restart(self, cars: Cars) -> None:
        """Do what ``--restart`` asked for, when it does: new backends, and cameras with the new address."""
        await self.pipeline.until((self.folder / "asked").exists)
        self.start()
        cars.redirect(self.url("cli"))
        (self.folder / "done").touch()


def admin_of(place: Place, server: RabbitServer) -> str:
    file = place.folder / f"management-{server.port}"
    file.write_text(server.management_url.removesuffix("/api").replace("://", "://guest:guest@"))
    return str(file)


@pytest.fixture
def place(  # noqa: PLR0913, PLR0917 - fixtures
    run_service, service_ending, redis_server: RedisServer, servers, rabbitmq_server: RabbitServer, mall, tmp_path: Path
) -> Iterator[Place]:
    run = CommandLine({"PARKSTREAM_CELLS": str(tmp_path / "cells.toml"), "PARKSTREAM_RABBITMQ_URL": ""})
    pipeline = Pipeline(run_service, redis_server.url, "", mall, tmp_path)
    found = Place(mall, pipeline, tmp_path, servers.rabbitmq, rabbitmq_server, run)
    (tmp_path / "redis").write_text(redis_server.url)
    at = ("--rabbitmq-url", f"amqp://127.0.0.1:{found.old.port}", "--redis-url", redis_server.url)
    services = ("--backend-url", "http://127.0.0.1:1", "--summary-url", "http://127.0.0.1:1")
    admins = ("--management", admin_of(found, found.old), "--redis-admin", str(tmp_path / "redis"))
    added = run("cells", "add", mall, *at, *services, *admins)
    assert added.code == 0, added.err
    pipeline.start_api()
    found.start()
    yield found
    service_ending.close()
    for server in (found.old, found.new):
        server.delete_vhost(mall)


@pytest.fixture
async def cars(place: Place) -> AsyncIterator[Cars]:
    async with Cars(place.url("cli"), stay=timedelta(milliseconds=1)) as some:  # So both directions are waited for.
        yield some


async def waiting(url: str, *queues: str) -> int:
    async with await aio_pika.connect(url) as connection, connection.channel() as channel:
        found = [await channel.declare_queue(name, passive=True) for name in queues]
        return sum(queue.declaration_result.message_count or 0 for queue in found)


async def letters_at(url: str) -> list[tuple[str, str, str | None]]:
    async with broker(url) as connection, dead_letters(connection) as found:
        letters = [Letter.of(message) async for message in found.messages(lambda _: None)]
        return sorted((letter.id, letter.reason, letter.user) for letter in letters)


def decided_once(pipeline: Pipeline) -> bool:
    """Whether no summary was ever corrected: of no car it was reported too early that its entry is missing."""
    return {line["revision"] for line in pipeline.lines()} == {1}


async def test_a_mall_moves_under_traffic_and_loses_nothing(place: Place, cars: Cars):
    pipeline, old_url = place.pipeline, place.url("backend")
    async with await aio_pika.connect(place.url("cli")) as connection, connection.channel() as channel:
        events = await channel.get_exchange(EVENTS_EXCHANGE)
        for reason, body, properties in poison(1)[1:8:3]:
            await publish_entry(events, body, message_id=reason, **properties)
    await pipeline.until_async(lambda: waiting(old_url, DEAD_LETTERS_QUEUE), 3)
    letters = await letters_at(old_url)
    async with driving(cars, pause_seconds=PAUSE_SECONDS):
        await pipeline.until(lambda: pipeline.state()["position"] > BEFORE)
        moving = place.run.start(*place.words, *place.handed_over)
        await place.restart(cars)
        closed_at = pipeline.state()["position"]
        out, err = await asyncio.to_thread(moving.communicate)
        assert moving.returncode == 0, err
        await pipeline.until(lambda: pipeline.state()["position"] > closed_at + AFTER)
    answer = json.loads(out)
    assert answer["pause_seconds"] > 0
    assert answer["taken"]["dead_letters"] == len(letters)
    assert len(answer["addresses"]) == 5
    assert f":{place.new.port}/" in place.url("cli")
    await pipeline.balances(cars.traffic)
    assert decided_once(pipeline)
    assert await letters_at(place.url("backend")) == letters
    assert await waiting(old_url, *WORK_QUEUES, DEAD_LETTERS_QUEUE) == 0
    verified = place.run("log", "verify", "--summaries", str(pipeline.file), "--mall", place.mall)
    assert verified.code == 0, verified.err + verified.out
    assert place.run("replay", "--check", "--mall", place.mall).code == 0
    with pytest.raises(ChannelNotFoundEntity, match=r"no exchange 'parking\.events'"):
        async with await aio_pika.connect(old_url) as connection, connection.channel() as channel:
            await channel.get_exchange(EVENTS_EXCHANGE)
    stale = pipeline.start_backend({"PARKSTREAM_RABBITMQ_URL": old_url}, ready=False)
    await pipeline.until(lambda: "was moved to another RabbitMQ" in failing(stale.url).get("log", ""))
    assert "it is there already" in place.run(*place.words).err


@pytest.mark.parametrize("killed_at", ["taking over", "restarting"])
async def test_a_move_that_is_killed_is_run_again_and_goes_on(place: Place, cars: Cars, killed_at: str):
    pipeline, old_url = place.pipeline, place.url("backend")
    await cars.drive(100)
    pipeline.backends[0].kill()
    async with driving(cars, total=WAITING // 2, pause_seconds=0) as driven:
        await driven
    before = await waiting(old_url, *WORK_QUEUES)
    moving = place.run.start(*place.words, *place.handed_over)
    new_url = old_url.replace(f":{place.old.port}/", f":{place.new.port}/")
    if killed_at == "restarting":
        await pipeline.until((place.folder / "asked").exists)
    else:
        await pipeline.until((place.folder / FOLDER / folder_name(place.mall) / "moved_from_rabbitmq.json").exists)
        while not await waiting(new_url, ENTRIES_QUEUE):
            assert moving.poll() is None
    moving.kill()
    (place.folder / "done").touch()  # Else what it had started goes on.
    await asyncio.to_thread(moving.communicate)
    for name in ("asked", "done"):
        (place.folder / name).unlink(missing_ok=True)

    async def all_wait() -> bool:
        return await waiting(old_url, *WORK_QUEUES) + await waiting(new_url, *WORK_QUEUES) >= before

    await eventually(all_wait)  # What the killed one had in hand goes back when RabbitMQ has noticed.
    left = await waiting(old_url, *WORK_QUEUES)
    again = place.run.start("cells", "move", place.mall, *place.handed_over)
    await place.restart(cars)
    out, err = await asyncio.to_thread(again.communicate)
    assert again.returncode == 0, err
    assert json.loads(out)["taken"]["sightings"] >= left
    await cars.drive(100)
    await pipeline.balances(cars.traffic)
    assert decided_once(pipeline)


async def test_a_move_that_was_begun_is_taken_back_and_then_done_after_all(place: Place, cars: Cars):
    pipeline, old_url = place.pipeline, place.url("backend")
    await cars.drive(50)
    failed = place.run(*place.words, "--restart", f"{sys.executable} -c 'exit(3)'")
    assert "restart the services, then run this again, or --back" in failed.err
    new_url = place.url("backend")
    assert new_url != old_url
    another = place.run("cells", "move", place.mall, "--redis-url", "redis://127.0.0.1:1")
    assert "a move to another RabbitMQ has begun" in another.err
    cars.redirect(place.url("cli"))
    await cars.drive(50)
    back = place.run("cells", "move", place.mall, "--back")
    assert (back.code, place.url("backend")) == (0, old_url), back.err
    assert await waiting(new_url, *WORK_QUEUES) == 0
    cars.redirect(place.url("cli"))
    place.start()
    await cars.drive(50)
    await pipeline.balances(cars.traffic)
    moving = place.run.start(*place.words, *place.handed_over)
    await place.restart(cars)
    out, err = await asyncio.to_thread(moving.communicate)
    assert moving.returncode == 0, err
    assert json.loads(out)["mall"] == place.mall
    await cars.drive(50)
    await pipeline.balances(cars.traffic)
    assert decided_once(pipeline)
    assert "there is nothing to go back to" in place.run("cells", "move", place.mall, "--back").err


async def whose(url: str) -> tuple[LogName, bool]:
    """Return the log that the mark at *url* names, whose position goes on, and whether the mall has moved away."""
    mark = await last_mark(url)
    assert mark is not None
    return mark.name, mark.closed


async def test_where_a_mall_cannot_go_nothing_is_changed(place: Place, cars: Cars, free_port):
    pipeline, old_url = place.pipeline, place.url("backend")
    await cars.drive(20)
    await pipeline.balances(cars.traffic)
    mine_there = await whose(old_url)
    mine = f"--rabbitmq-url={place.server}"

    def is_refused(*words: str, by: str) -> None:
        refused = place.run("cells", "move", place.mall, *words)
        assert refused.code != 0
        assert by in refused.err
        assert "Traceback" not in refused.err

    nobody = f"amqp://127.0.0.1:{free_port()}"
    is_refused("--rabbitmq-url", nobody, by=f"{nobody}")
    is_refused(mine, by="ACCESS_REFUSED")  # Its users are not there.
    wrong = place.folder / "wrong"
    wrong.write_text(f"http://guest:wrong@127.0.0.1:{place.new.management_url.rpartition(':')[2].removesuffix('/api')}")
    is_refused(mine, "--management", str(wrong), by="401")
    is_refused(mine, "--redis-url", "redis://127.0.0.1:1", by="--redis-url or --rabbitmq-url")
    is_refused(mine, "--redis-admin", str(wrong), by="--redis-admin is of another server")
    is_refused(mine + "/another", by="leave the vhost out")
    there = place.new.add_vhost(place.mall)
    async with await aio_pika.connect(there) as connection, connection.channel() as channel:
        await channel.declare_queue(ENTRIES_QUEUE, durable=True, arguments={"x-queue-type": "quorum"})
        await channel.default_exchange.publish(aio_pika.Message(b"whose"), ENTRIES_QUEUE)
    is_refused(*place.words[3:], by="1 messages")
    theirs = MarkStream(there, declares=True)
    await theirs.follow()
    await theirs.claim(Mark(mall="another", log_id="another", position=1, since_us=1))
    await theirs.close()
    is_refused(*place.words[3:], by="keeps the mark of the mall 'another'")
    assert (place.url("backend"), await whose(old_url)) == (old_url, mine_there)
    assert not list(place.folder.rglob("moved_from*"))
    await cars.drive(20)
    await pipeline.balances(cars.traffic)
