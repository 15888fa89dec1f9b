"""What a backend answers over HTTP, and when it says that it is well."""

import asyncio
import json
import urllib.error
import urllib.request
from datetime import timedelta
from typing import Any

import aio_pika
import pytest
from backend_sightings import BEGIN, entry, exit_, publish_entry, publish_exit
from parkstream_events import topology
from parkstream_events.sightings import microseconds
from parkstream_visits.plate_visits import EXIT, visit_id_of
from pipeline import Pipeline, get, post


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    made = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    made.start()
    return made


def problem(url: str) -> dict[str, Any]:
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(url)
    assert raised.value.headers["content-type"] == "application/problem+json"
    answered: dict[str, Any] = json.load(raised.value)
    assert answered["status"] == raised.value.code
    return answered


async def publish(pipeline: Pipeline, *bodies: bytes) -> None:
    async with await aio_pika.connect(pipeline.rabbitmq_url) as connection:
        channel = await connection.channel(on_return_raises=True)
        events = await channel.get_exchange(topology.EVENTS_EXCHANGE)
        for body in bodies:
            await (publish_exit if b"exit_date_time" in body else publish_entry)(events, body)
    await pipeline.until(lambda: sightings(pipeline) == len(bodies))


def sightings(pipeline: Pipeline) -> int:
    counters = pipeline.state()["counters"]
    return int(counters["entered"] + counters["exited"])


async def test_who_is_inside_and_what_a_plate_did(pipeline: Pipeline):
    later = BEGIN + timedelta(minutes=5)
    cars = [entry(f"e{number}", f"AB{number}", BEGIN + timedelta(seconds=number)) for number in range(5)]
    await publish(pipeline, *cars, exit_("x0", "ab-0", later))
    url = pipeline.backends[0].url
    pages, cursor = [], "0"
    while cursor is not None:
        page = get(f"{url}/v1/inside?count=3&cursor={cursor}")
        pages.append([car["vehicle_plate"] for car in page["items"]])
        cursor = page["cursor"]
    assert [plate for page in pages for plate in page] == ["AB1", "AB2", "AB3", "AB4"]
    (visit,) = get(f"{url}/v1/visits/ab%200")["visits"]
    assert (visit["outcome"], visit["entry_event_id"], visit["exit_event_id"]) == ("completed", "e0", "x0")
    assert pipeline.state()["inside"] == 4
    assert pipeline.state()["pending"] == 0


async def test_wrong_questions_are_problems(pipeline: Pipeline):
    url = pipeline.backends[0].url
    assert problem(f"{url}/v1/visits/NONE")["status"] == 404
    assert problem(f"{url}/v1/visits/%23%23")["status"] == 400
    for wrong in ("count=0", "count=x", "cursor=x", "cursor=1.2.3", "cursor=0%0A", f"cursor={'9' * 40}"):
        assert problem(f"{url}/v1/inside?{wrong}")["status"] == 400
    assert problem(f"{url}/v1/parked?cursor=1.5")["errors"][0]["field"] == "cursor"
    assert problem(f"{url}/v2")["status"] == 404


async def test_metrics_and_health(pipeline: Pipeline):
    await publish(pipeline, entry("e1", "AB1", BEGIN))
    assert 'parking_record_outcomes_total{parking_outcome="appended"} 1' in pipeline.metrics()
    url = pipeline.backends[0].url
    assert get(f"{url}/health/live") == {"status": "ok", "checks": {}}
    ready = get(f"{url}/health/ready")
    assert ready["status"] == "ok"
    assert ready["checks"].keys() >= {"redis", "durability", "clock", "projection", "gates", "rabbitmq", "state"}
    assert ready["checks"].pop("credentials")["status"] == "warning"
    assert [check for check in ready["checks"].values() if check != {"status": "ok", "detail": ""}] == []


async def test_an_unreachable_rabbitmq_is_no_death_but_not_ready(pipeline: Pipeline):
    backend = pipeline.start_backend({"PARKSTREAM_RABBITMQ_URL": "amqp://127.0.0.1:1/"}, ready=False)
    await pipeline.until(lambda: "service.waiting" in backend.output.read_text())
    assert get(f"{backend.url}/health/live")["status"] == "ok"
    answered = await asyncio.to_thread(not_ready, backend.url)
    assert answered["checks"]["rabbitmq"]["status"] == "failing"
    assert await asyncio.to_thread(backend.terminate, 10) == 0


def not_ready(url: str) -> dict[str, Any]:
    with pytest.raises(urllib.error.HTTPError) as raised:
        get(f"{url}/health/ready")
    assert raised.value.code == 503
    answered: dict[str, Any] = json.load(raised.value)
    return answered


async def test_what_the_server_refuses_is_listed_and_redriven(pipeline: Pipeline):
    """Somebody else has written the same revision of the same visit."""
    other = {
        "visit_id": visit_id_of(EXIT, "x1", microseconds(BEGIN)),
        "revision": 1,
        "outcome": "completed",
        "vehicle_plate": "OTHER",
        "entry_date_time": BEGIN.isoformat(),
        "exit_date_time": BEGIN.isoformat(),
        "duration": "PT0S",
        "duration_ms": 0,
        "entry_event_id": "e1",
        "exit_event_id": "x1",
        "position": 1,
        "superseded_by": None,
    }
    await asyncio.to_thread(post, f"{pipeline.api.url}/v1/summaries", other)
    cars = [entry("e1", "AB1", BEGIN), entry("e2", "AB2", BEGIN)]
    await publish(pipeline, *cars, exit_("x1", "AB1", BEGIN), exit_("x2", "AB2", BEGIN))
    await pipeline.until(lambda: pipeline.state()["parked"] == 1 and pipeline.stats()["lines"] == 2)
    url = pipeline.backends[0].url
    (parked,) = get(f"{url}/v1/parked")["items"]
    assert (parked["visit_id"], parked["item"]["vehicle_plate"]) == (other["visit_id"], "AB1")
    assert parked["problem"].startswith("conflict: ")
    assert pipeline.state()["outbox_depth"] == 0
    assert await asyncio.to_thread(post, f"{url}/v1/parked/redrive?id=0-0") == {"redriven": 0}
    assert await asyncio.to_thread(post, f"{url}/v1/parked/redrive") == {"redriven": 1}
    await pipeline.until(lambda: pipeline.state()["parked"] == 1)
    assert pipeline.backends[0].output.read_text().count("deliver.parked") == 2


async def test_while_redis_is_away_questions_are_told_to_come_back(
    run_service, redis_server, rabbitmq_url, mall, tmp_path
):
    pipeline = Pipeline(run_service, redis_server.url, rabbitmq_url, mall, tmp_path)
    pipeline.start()
    redis_server.kill()
    assert problem(f"{pipeline.backends[0].url}/v1/state")["status"] == 503
