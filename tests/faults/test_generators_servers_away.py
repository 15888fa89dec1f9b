"""RabbitMQ or Redis goes away under the generators: what they keep, what they drop, and that they say so."""

import asyncio
import json

import pytest
from camera_queues import declared, drained, eventually
from generator_client import account, finished, reached, refused
from parkstream_devtools import ServiceProcess
from parkstream_messaging.topology import ENTRIES, EXITS, SEEN_ENTERING

ENTRY, EXIT = "parkstream_entry_generator", "parkstream_exit_generator"
BUFFER_MAX = 150


@pytest.fixture
async def environ(redis_url, rabbitmq_url, mall) -> dict[str, str]:
    return {
        "PARKSTREAM_RABBITMQ_URL": await declared(rabbitmq_url),
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": mall,
        "PARKSTREAM_RATE": "200",
        "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.3",
        "PARKSTREAM_TELEMETRY_STRICT": "true",
    }


@pytest.fixture
async def hurt_vhost(rabbitmq_server, mall):
    """A vhost of a RabbitMQ that may be stopped."""
    yield await declared(rabbitmq_server.add_vhost(mall))
    rabbitmq_server.delete_vhost(mall)


def events(service: ServiceProcess) -> list[dict[str, object]]:
    lines = service.output.read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.startswith("{")]


async def distinct(url: str, queue: str) -> int:
    return len({message.id for message in await drained(url, queue)})


async def test_with_rabbitmq_away_the_buffer_fills_then_drops_are_counted_and_said(
    run_service, environ, rabbitmq_server, hurt_vhost
):
    environ |= {"PARKSTREAM_RABBITMQ_URL": hurt_vhost, "PARKSTREAM_BUFFER_MAX": str(BUFFER_MAX)}
    service = run_service(ENTRY, environ)
    await reached(service, lambda now: now["published"] > 50)

    await asyncio.to_thread(rabbitmq_server.stop)
    away = await reached(service, lambda now: now["dropped"] > 100)
    assert away["buffered"] <= BUFFER_MAX
    assert service.alive
    await asyncio.to_thread(rabbitmq_server.start)

    await reached(service, lambda now: now["published"] > away["published"] + BUFFER_MAX)
    told = await finished(service)
    assert told["made"] == told["published"] + told["dropped"]
    assert await distinct(hurt_vhost, ENTRIES.name) == told["published"]
    said = [event for event in events(service) if event["event"] == "generator.dropping"]
    assert said
    assert 0 < sum(int(event["count"]) for event in said) <= told["dropped"]
    assert any(event["event"] == "generator.buffering" for event in events(service))


async def test_the_exit_generator_keeps_cars_inside_rather_than_drop_them(
    run_service, environ, rabbitmq_server, hurt_vhost
):
    environ |= {"PARKSTREAM_RABBITMQ_URL": hurt_vhost, "PARKSTREAM_BUFFER_MAX": "20"}
    exits, entries = run_service(EXIT, environ), run_service(ENTRY, environ)
    await reached(exits, lambda now: now["published"] > 50)

    await asyncio.to_thread(rabbitmq_server.stop)
    await reached(entries, lambda now: now["dropped"] > 0)
    await asyncio.to_thread(rabbitmq_server.start)

    entered = await finished(entries)
    await reached(exits, lambda now: now["matched"] == entered["published"])
    told = await finished(exits)
    assert told["dropped"] == 0
    assert await distinct(hurt_vhost, EXITS.name) == told["published"]


async def test_lost_connections_lose_no_event(run_service, environ, servers, rabbitmq_url):
    service = run_service(ENTRY, environ)
    for _ in range(3):
        before = await asyncio.to_thread(account, service)
        await asyncio.to_thread(servers.rabbitmq.close_connections)
        await reached(service, lambda now, before=before: now["published"] > before["published"] + 50)
    told = await finished(service)

    assert told["made"] == told["published"] + told["dropped"]
    assert await distinct(rabbitmq_url, ENTRIES.name) == told["published"]


async def test_redis_killed_with_its_last_breath_on_disk(run_service, environ, redis_server, rabbitmq_url):
    environ |= {"PARKSTREAM_REDIS_URL": redis_server.url}
    exits, entries = run_service(EXIT, environ), run_service(ENTRY, environ)
    for _ in range(3):
        before = await asyncio.to_thread(account, exits)
        await reached(exits, lambda now, before=before: now["published"] > before["published"] + 50)
        redis_server.kill()
        await asyncio.to_thread(redis_server.start)
    entered = await finished(entries)
    await reached(exits, lambda now: now["matched"] == entered["published"])
    told = await finished(exits)

    assert await distinct(rabbitmq_url, ENTRIES.name) == entered["published"]
    assert await distinct(rabbitmq_url, EXITS.name) == told["published"]


async def test_the_exit_generator_may_be_up_long_before_anything_else(run_service, environ, rabbitmq_url):
    exits = run_service(EXIT, environ)
    first = await asyncio.to_thread(account, exits)
    assert (first["published"], first["parked"], first["running"]) == (0, 0, True)

    entries = run_service(ENTRY, environ)
    await reached(entries, lambda now: now["published"] > 200)
    entered = await finished(entries)
    await reached(exits, lambda now: now["matched"] == entered["published"])

    assert await distinct(rabbitmq_url, SEEN_ENTERING.name) == 0
    assert await distinct(rabbitmq_url, EXITS.name) == (await finished(exits))["published"]


async def test_generators_started_before_rabbitmq_wait_for_it(run_service, environ, rabbitmq_server, hurt_vhost):
    await asyncio.to_thread(rabbitmq_server.stop)
    service = run_service(ENTRY, environ | {"PARKSTREAM_RABBITMQ_URL": hurt_vhost}, ready=False)
    await reached_live(service)
    assert refused(service, "/health/ready") == 503

    await asyncio.to_thread(rabbitmq_server.start)
    await asyncio.to_thread(service.wait_ready)
    await reached(service, lambda now: now["published"] > 20)


async def reached_live(service: ServiceProcess) -> None:
    async def answers() -> bool:
        assert service.alive, service.last_lines()
        return await asyncio.to_thread(refused, service, "/health/live") == 0

    await eventually(answers)
