"""One trace per car: it begins when its entry is published, and its exit's links back to it."""

import asyncio
from collections import Counter

import pytest
from camera_queues import declared, drained
from generator_client import finished, reached
from parkstream_devtools.otlp.sink import Sink
from parkstream_messaging.topology import ENTRIES, EXITS

ENTRY, EXIT = "parkstream_entry_generator", "parkstream_exit_generator"


@pytest.fixture
def sink():
    with Sink() as sink:
        yield sink


@pytest.fixture
async def environ(redis_url, rabbitmq_url, mall, sink) -> dict[str, str]:
    return {
        "PARKSTREAM_RABBITMQ_URL": await declared(rabbitmq_url),
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": mall,
        "PARKSTREAM_RATE": "100",
        "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.2",
        "PARKSTREAM_TELEMETRY_STRICT": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": sink.endpoint,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
    }


async def traces(url: str, queue: str) -> dict[str, str]:
    """Return the trace id that each plate's event carries."""
    return {
        message.sighting.vehicle_plate: str(message.headers["traceparent"])[3:35]
        for message in await drained(url, queue)
    }


async def test_every_event_has_a_span_and_each_exit_links_to_its_entry(run_service, environ, rabbitmq_url, sink):
    exits, entries = run_service(EXIT, environ), run_service(ENTRY, environ)
    await reached(exits, lambda now: now["published"] > 100)
    entered = await finished(entries)
    await reached(exits, lambda now: now["matched"] == entered["published"])
    told = await finished(exits)
    expected = entered["published"] + told["published"]
    assert await asyncio.to_thread(sink.wait_for, lambda sink: sink.span_count >= expected)
    for service in (entries, exits):
        assert await asyncio.to_thread(service.terminate) == 0, service.last_lines()

    spans = {span.trace_id: span for span in sink.spans()}
    came, left = await traces(rabbitmq_url, ENTRIES.name), await traces(rabbitmq_url, EXITS.name)
    assert len(spans) == expected
    assert set(spans) == set(came.values()) | set(left.values())
    assert {span.kind for span in spans.values()} == {"PRODUCER"}
    links = {plate: [link.trace_id for link in spans[trace].links] for plate, trace in left.items()}
    assert links == {plate: [came[plate]] if plate in came else [] for plate in left}
    assert sink.problems() == []


async def test_the_span_of_a_publish_names_the_gate(run_service, environ, rabbitmq_url, sink):
    entries = run_service(ENTRY, environ | {"PARKSTREAM_GATES": "north,south"})
    await reached(entries, lambda now: len(now["gates"]) == 2)
    told = await finished(entries)
    assert await asyncio.to_thread(sink.wait_for, lambda sink: sink.span_count >= told["published"])
    assert await asyncio.to_thread(entries.terminate) == 0, entries.last_lines()

    gates = Counter(span.attributes["parking.gate"] for span in sink.spans())
    assert gates == told["gates"]
    assert {message.headers["x-parkstream-gate"] for message in await drained(rabbitmq_url, ENTRIES.name)} == set(gates)
    assert sink.problems() == []


async def test_no_plate_leaves_in_telemetry(run_service, environ, rabbitmq_url, sink):
    exits, entries = run_service(EXIT, environ), run_service(ENTRY, environ)
    await reached(exits, lambda now: now["published"] > 20)
    for service in (entries, exits):
        await asyncio.to_thread(service.terminate)

    told = repr([sink.spans(), sink.metrics(), sink.logs()]) + "".join(
        service.output.read_text("utf-8") for service in (entries, exits)
    )
    plates = {message.sighting.vehicle_plate for message in await drained(rabbitmq_url, ENTRIES.name)}
    assert plates
    assert not [plate for plate in plates if plate in told]
