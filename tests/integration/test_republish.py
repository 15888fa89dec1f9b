"""``parkstream republish`` from a real log through a real RabbitMQ."""

import asyncio
import json
import signal
import subprocess
import sys
import time

import aio_pika
import pytest
from camera_queues import depth, drained
from parkstream_eventlog import Candidate
from parkstream_events import topology, wire
from pipeline import Pipeline
from projections import HOUR, SECOND, Mall, now_us, sighting

ENTRIES, EXITS = topology.ENTRIES_QUEUE, topology.EXITS_QUEUE


@pytest.fixture
async def kept(redis_url, mall):
    found = Mall(redis_url, mall)
    yield found
    await found.close()


@pytest.fixture
def republish(redis_url, mall, rabbitmq_url):
    """Start the command."""

    def start(*arguments, url=rabbitmq_url):
        command = [sys.executable, "-m", "parkstream_cli", "republish", "--json", *arguments]
        environ = {"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_MALL": mall, "PARKSTREAM_RABBITMQ_URL": url}
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return start


async def ended(process):
    """Return the exit code, the report, if one was made, and what was complained of."""
    told, complaint = await asyncio.to_thread(process.communicate, timeout=240)
    assert "Traceback" not in complaint, complaint
    return process.returncode, json.loads(told) if told else {}, complaint


async def fill(kept: Mall, cars: int, ago: int = HOUR, published: int | None = None) -> int:
    """Let *cars* come and go; return when the first came."""
    began = now_us() - ago
    await kept.log.decide(wire.RULES_CHANGED, "rules:0", b"{}", unless_after=None)
    for car in range(cars):
        at_us = began + car * SECOND
        sent = None if published is None else published + car * SECOND // 2
        await kept.log.append(
            [
                sighting(0, f"in-{car}", f"CAR{car}", at_us, sent),
                sighting(1, f"out-{car}", f"CAR{car}", at_us + SECOND, sent),
            ]
        )
    return began


async def test_sightings_are_sent_as_cameras_send_them(kept, republish, rabbitmq_url):
    await fill(kept, 3)
    await kept.log.append(
        [Candidate(wire.ENTERED, "bad", b"{}", now_us(), "entry"), sighting(0, "last", "CAR9", now_us())]
    )
    before = await kept.kept()
    code, report, _ = await ended(republish("--flat-out"))
    assert code == 0
    assert (report["entries"], report["exits"], report["decisions"], report["unreadable"]) == (4, 3, 1, 1)
    assert report["through"] == report["last"] == 9
    entries, exits = await drained(rabbitmq_url, ENTRIES), await drained(rabbitmq_url, EXITS)
    records = {record.id: record for record in await kept.records()}
    assert [message.id for message in entries] == ["in-0", "in-1", "in-2", "last"]
    for message in [*entries, *exits]:
        record = records[message.id]
        assert (message.body, message.type, message.correlation_id) == (record.body, record.type, record.id)
        assert message.persistent
        assert message.headers.keys() == {topology.PUBLISHED_AT_HEADER}
        assert abs(now_us() - message.headers[topology.PUBLISHED_AT_HEADER]) < 120 * SECOND
    assert await kept.kept() == before


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path):
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


async def test_a_pipeline_that_has_them_adds_nothing_and_records_new_ids_anew(kept, republish, pipeline):
    pipeline.start_api()
    pipeline.start_backend({"PARKSTREAM_CLOCK_AHEAD_MAX_SECONDS": str(35 * 86_400)})
    assert (await ended(republish("--flat-out")))[1]["decisions"] >= 1
    old = now_us() - 34 * 24 * HOUR
    await kept.log.append([sighting(0, "in-1", "CAR1", old), sighting(1, "out-1", "CAR1", old + 90 * SECOND)])
    await kept.log.append([sighting(0, "in-2", "CAR2", now_us() - HOUR), sighting(1, "out-2", "CAR2", now_us())])
    end = (await kept.log.state()).position
    await ended(republish("--flat-out"))
    await pipeline.until(lambda: 'record_outcomes_total{parking_outcome="duplicate"} 4' in pipeline.metrics())
    assert [record.id for record in await kept.records() if record.type in wire.SIGHTING_TYPES].count("in-1") == 1
    code, report, _ = await ended(republish("--flat-out", "--new-ids", "--as-if-now", "--to", str(end)))
    assert (code, report["entries"], report["exits"]) == (0, 2, 2)
    assert 33 * 86_400 < report["shift_seconds"] <= 34 * 86_400 + 600
    await pipeline.until(lambda: pipeline.stats()["current"]["completed"] == 3)
    visits = {line["vehicle_plate"]: line for line in pipeline.lines() if line["outcome"] == "completed"}
    assert visits["CAR1"]["duration"] == "PT1M30S"
    assert visits["CAR1"]["entry_event_id"] != "in-1"


async def test_the_pace_is_a_multiple_of_the_original(kept, republish):
    await fill(kept, 21, published=now_us() - 60 * SECOND)
    _, report, _ = await ended(republish("--speed", "5"))
    assert (report["entries"], report["exits"]) == (21, 21)
    assert report["seconds"] >= 2.0
    assert report["seconds"] < 2.0 + report["behind_seconds"] + 2.0


async def test_another_exchange_must_exist_and_be_bound(kept, republish, rabbitmq_url):
    await fill(kept, 2)
    code, report, complaint = await ended(republish("--flat-out", "--exchange", "load.test"))
    assert (code, report) == (1, {})
    assert "has no exchange load.test: declare it there, with queues bound to it" in complaint
    assert "guest:guest" not in complaint
    async with await aio_pika.connect(rabbitmq_url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange("load.test", aio_pika.ExchangeType.TOPIC)
        code, report, complaint = await ended(republish("--flat-out", "--exchange", "load.test"))
        assert code == 1
        assert "no queue takes sightings from load.test: bind queues to it" in complaint
        assert (report["entries"], report["through"]) == (0, 1)
        queue = await channel.declare_queue("load.all")
        await queue.bind(exchange, "vehicle.*")
        code, report, _ = await ended(republish("--flat-out", "--exchange", "load.test", "--from", "2"))
        assert (code, report["through"]) == (0, 5)
        assert (await channel.declare_queue("load.all", passive=True)).declaration_result.message_count == 4


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_what_is_interrupted_says_how_to_go_on_and_sends_nothing_twice(kept, republish, rabbitmq_url, number):
    await fill(kept, 30, published=now_us() - 60 * SECOND)
    process = republish("--as-if-now")
    deadline = time.monotonic() + 60
    while not await has(rabbitmq_url, EXITS, 2):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    process.send_signal(number)
    code, report, complaint = await ended(process)
    assert code == 128 + number
    assert report["unconfirmed"] == 0
    assert 1 < report["through"] < report["last"]
    command = complaint.partition("continue with: ")[2].split()
    assert command[:4] == ["parkstream", "republish", "--from", str(report["through"] + 1)]
    assert command[-2:] == ["--shift-seconds", str(report["shift_seconds"])]
    command[command.index("--speed") + 1] = "1000"
    code, rest, _ = await ended(republish(*command[2:]))
    assert (code, rest["through"]) == (0, report["last"])
    entries = await drained(rabbitmq_url, ENTRIES)
    assert sorted(message.id for message in entries) == sorted(f"in-{car}" for car in range(30))
    times = {message.id: message.sighting.event_time for message in entries}
    assert (times["in-29"] - times["in-0"]).total_seconds() == 29


async def has(url: str, queue: str, count: int) -> bool:
    try:
        return await depth(url, queue) >= count
    except aio_pika.exceptions.ChannelNotFoundEntity:
        return False


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--from", "9"], 2, "positions 9 to 5: the log has 1 to 5"),
        (["--to", "6"], 2, "positions 1 to 6: the log has 1 to 5"),
        (["--as-if-now", "--shift-seconds", "5"], 2, "leave one of them out"),
        (["--speed", "0"], 2, "--speed"),
    ],
)
async def test_what_cannot_be_done_says_why(kept, republish, arguments, code, told):
    await fill(kept, 2)
    found, _, complaint = await ended(republish(*arguments))
    assert found == code
    assert told in complaint


async def test_without_rabbitmq_it_says_where_it_looked(kept, republish):
    await fill(kept, 1)
    code, _, complaint = await ended(republish(url="amqp://guest:secret@127.0.0.1:1/"))
    assert code == 1
    assert "amqp://127.0.0.1:1/" in complaint
    assert "secret" not in complaint
