"""What a backend says over HTTP: its figures, and when it is well. What the summary API refuses may be redriven."""

import asyncio
import json
import urllib.error
import urllib.request
from typing import Any

import aio_pika
import pytest
from backend_sightings import BEGIN, entry, exit_, publish_entry, publish_exit
from command_line import CommandLine
from parkstream_events import topology
from parkstream_events.sightings import microseconds
from parkstream_visits.plate_visits import EXIT, visit_id_of
from pipeline import Pipeline, get, post


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    made = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    made.start()
    return made


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
    assert get(f"{url}/docs/openapi.json")["paths"].keys() == {"/health/live", "/health/ready", "/metrics"}


async def test_an_unreachable_rabbitmq_is_no_death_but_not_ready(pipeline: Pipeline):
    backend = pipeline.start_backend({"PARKSTREAM_RABBITMQ_URL": "amqp://127.0.0.1:1/"}, ready=False)
    await pipeline.until(lambda: "service.waiting" in backend.output.read_text())
    assert get(f"{backend.url}/health/live")["status"] == "ok"
    answered = await asyncio.to_thread(not_ready, backend.url)
    assert answered["checks"]["rabbitmq"]["status"] == "failing"
    assert await asyncio.to_thread(backend.terminate) == 0


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
    parkstream = CommandLine(pipeline.environ)
    (parked,) = (await asyncio.to_thread(parkstream, "outbox", "parked", "--json")).lines
    assert (parked["visit_id"], parked["item"]["vehicle_plate"]) == (other["visit_id"], "AB1")
    assert parked["problem"].startswith("conflict: ")
    assert pipeline.state()["outbox_depth"] == 0
    assert (await asyncio.to_thread(parkstream, "outbox", "redrive", "--all", "--json")).object["redriven"] == 1
    await pipeline.until(lambda: pipeline.backends[0].output.read_text().count("deliver.parked") == 2)
    await pipeline.until(lambda: pipeline.state()["parked"] == 1)
