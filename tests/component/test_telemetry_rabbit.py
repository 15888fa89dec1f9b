"""One span per publish and per process over a real RabbitMQ, each under its right parent."""

import asyncio

import pytest
from aio_pika import Message
from aiormq.exceptions import ChannelNotFoundEntity
from faststream.rabbit import RabbitBroker, RabbitExchange, RabbitQueue
from opentelemetry.context import attach, detach
from opentelemetry.trace import set_span_in_context
from parkstream_devtools.otlp.sink import Sink
from parkstream_events.topology import LINKED_TRACEPARENT_HEADER, TRACEPARENT_HEADER
from parkstream_telemetry import TelemetryOptions, names, start, traceparent_of
from parkstream_telemetry.rabbitmq import TracingMiddleware
from prometheus_client.parser import text_string_to_metric_families

EVENTS = RabbitExchange("events")
FIRST, SECOND = RabbitQueue("first", routing_key="one"), RabbitQueue("second", routing_key="two")
LINKED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ID = "0193a6f0-7f3e-7c3a-9a5e-1f2d3c4b5a69"
"""No plate can be in it, so it stays as it is."""


@pytest.fixture
def sink():
    with Sink() as made:
        yield made


@pytest.fixture
def telemetry(monkeypatch, sink):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
    made = start(TelemetryOptions(service="tests", plate_hash_key="k", statistics_seconds=0, strict=True))
    yield made
    made.shutdown()


@pytest.fixture
def broker(rabbitmq_url, telemetry):
    return RabbitBroker(rabbitmq_url, middlewares=[TracingMiddleware(telemetry, process=True)], logger=None)


def told(telemetry, sink):
    telemetry.shutdown(60)
    assert sink.problems() == []
    return {span.name: span for span in sink.spans()}


async def published(broker, *args, **options):
    """Publish to the first queue; return the message as a consumer gets it."""
    arrived = asyncio.get_running_loop().create_future()

    @broker.subscriber(FIRST, EVENTS, no_reply=True)
    async def on_first(_: bytes):
        arrived.set_result(broker.context.get_local("message"))

    async with broker:
        await broker.start()
        await broker.publish(*args, exchange=EVENTS, routing_key="one", **options)
        return await asyncio.wait_for(arrived, 120)


async def test_a_process_is_a_child_of_its_publish(broker, telemetry, sink):
    message = await published(broker, b"body", message_id=ID)
    spans = told(telemetry, sink)
    publish, process = spans["publish events:one"], spans["process events:one:first"]
    assert (publish.kind, process.kind) == ("PRODUCER", "CONSUMER")
    assert publish.parent_span_id == ""
    assert (process.trace_id, process.parent_span_id) == (publish.trace_id, publish.span_id)
    assert message.headers[TRACEPARENT_HEADER] == f"00-{publish.trace_id}-{publish.span_id}-01"
    assert publish.attributes == {
        "messaging.system": "rabbitmq",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "events:one",
        "messaging.rabbitmq.destination.routing_key": "one",
        "messaging.message.id": ID,
        "messaging.message.body.size": 4,
    }
    assert process.attributes["messaging.destination.name"] == "events:one:first"
    assert process.attributes["messaging.message.id"] == ID


async def test_an_onward_publish_hangs_under_the_process_that_made_it(broker, telemetry, sink):
    arrived = asyncio.Event()

    @broker.subscriber(SECOND, EVENTS, no_reply=True)
    async def on_second(_: bytes):
        arrived.set()

    @broker.subscriber(FIRST, EVENTS, no_reply=True)
    async def on_first(body: bytes):
        await broker.publish(body, exchange=EVENTS, routing_key="two")

    async with broker:
        await broker.start()
        await broker.publish(b"body", exchange=EVENTS, routing_key="one")
        await asyncio.wait_for(arrived.wait(), 120)
    spans = told(telemetry, sink)
    order = ["publish events:one", "process events:one:first", "publish events:two", "process events:two:second"]
    assert len(sink.spans()) == 4
    assert [spans[name].parent_span_id for name in order] == ["", *(spans[name].span_id for name in order[:-1])]
    assert len({span.trace_id for span in spans.values()}) == 1


async def test_a_publish_is_a_child_of_the_traceparent_it_is_given_and_links_to_the_other(broker, telemetry, sink):
    parent = telemetry.steps.project(None)
    headers = {TRACEPARENT_HEADER: traceparent_of(parent), LINKED_TRACEPARENT_HEADER: LINKED, "x-other": 1}
    message = await published(broker, b"body", headers=headers)
    publish = told(telemetry, sink)["publish events:one"]
    assert publish.parent_span_id == traceparent_of(parent)[36:52]
    assert [link.trace_id for link in publish.links] == [LINKED[3:35]]
    assert message.headers["x-other"] == 1
    assert headers[TRACEPARENT_HEADER] == traceparent_of(parent)


async def test_a_publish_is_a_child_of_the_current_span(broker, telemetry, sink):
    parent = telemetry.steps.project(None)
    token = attach(set_span_in_context(parent))
    await published(broker, b"body")
    detach(token)
    assert told(telemetry, sink)["publish events:one"].parent_span_id == traceparent_of(parent)[36:52]


async def test_a_ready_made_message_carries_the_context_too(broker, telemetry, sink):
    message = await published(broker, Message(b"body", message_id=ID, headers={"x-other": 1}))
    publish = told(telemetry, sink)["publish events:one"]
    assert publish.attributes["messaging.message.id"] == ID
    assert publish.attributes["messaging.message.body.size"] == 4
    assert message.headers[TRACEPARENT_HEADER][36:52] == publish.span_id
    assert message.headers["x-other"] == 1


async def test_a_publish_that_fails_is_told_as_an_error_once(broker, telemetry, sink):
    async with broker:
        await broker.start()
        with pytest.raises(ChannelNotFoundEntity):
            await broker.publish(
                b"body", exchange=RabbitExchange("missing", declare=False), routing_key="one", timeout=60
            )
    publish = told(telemetry, sink)["publish missing:one"]
    assert publish.status == "ERROR"
    assert [event.name for event in publish.events] == ["exception"]
    assert publish.attributes["error.type"]


async def test_a_handler_that_fails_is_told_as_an_error_once(broker, telemetry, sink):
    tried = asyncio.Event()

    @broker.subscriber(FIRST, EVENTS, no_reply=True)
    async def on_first(_: bytes):
        tried.set()
        raise LookupError

    async with broker:
        await broker.start()
        await broker.publish(b"body", exchange=EVENTS, routing_key="one")
        await asyncio.wait_for(tried.wait(), 120)
    process = told(telemetry, sink)["process events:one:first"]
    assert process.status == "ERROR"
    assert [event.attributes["exception.type"] for event in process.events] == ["LookupError"]


async def test_publishes_in_flight_together_begin_a_trace_each(broker, telemetry, sink):
    async with broker:
        await broker.start()
        await asyncio.gather(*(broker.publish(b"body", "nowhere") for _ in range(50)))
    told(telemetry, sink)
    assert len({span.trace_id for span in sink.spans()}) == 50
    assert {span.parent_span_id for span in sink.spans()} == {""}


async def test_publishes_and_deliveries_are_counted_and_timed(broker, telemetry):
    await published(broker, b"body")
    families = text_string_to_metric_families(telemetry.prometheus().decode())
    shown = {one.name: one for family in families for one in family.samples}
    sent, consumed = shown[names.SENT_MESSAGES.family], shown[names.CONSUMED_MESSAGES.family]
    assert (sent.value, sent.labels["messaging_destination_name"]) == (1, "events:one")
    assert shown[f"{names.PUBLISH_DURATION.family}_count"].value == 1
    assert consumed.labels["messaging_destination_name"] == "events:one:first"


async def test_without_a_receiver_messages_go_as_they_are(rabbitmq_url, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    telemetry = start(TelemetryOptions(service="tests", plate_hash_key="k", statistics_seconds=0, strict=True))
    broker = RabbitBroker(rabbitmq_url, middlewares=[TracingMiddleware(telemetry, process=True)], logger=None)
    message = await published(broker, b"body", headers={"x-other": 1})
    assert TRACEPARENT_HEADER not in message.headers
    telemetry.shutdown()
