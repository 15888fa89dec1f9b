"""The containers for real: the lite stack comes up, balances, is restarted piece by piece, and keeps its data."""

import json

import pytest
from console_page import Visitor, chromium
from playwright.sync_api import expect

CARS = 2_000
SERVICES = ["rabbitmq", "redis", "summary-api", "backend", "console", "exit-generator", "entry-generator"]
EDGES = [
    ("publish", "parkstream-exit-generator"),
    ("process", "parkstream-backend"),
    ("project", "parkstream-backend"),
    ("deliver", "parkstream-backend"),
    ("POST", "parkstream-summary-api"),
    ("write", "parkstream-summary-api"),
]
TRESPASS = """
import asyncio, json, pathlib
import aio_pika

async def tried(what):
    connection = await aio_pika.connect(pathlib.Path("/run/secrets/rabbitmq_url_entry_generator").read_text())
    async with connection, connection.channel(on_return_raises=True) as channel:
        try:
            await asyncio.wait_for(what(channel), 120)
        except Exception as error:
            return type(error).__name__
    return ""

async def publish(channel, key):
    exchange = await channel.get_exchange("parking.events")
    # Nobody can read it, so it ends among the dead letters.
    await exchange.publish(aio_pika.Message(b"no event"), key)

async def publish_too_much(channel):
    exchange = await channel.get_exchange("parking.events")
    await exchange.publish(aio_pika.Message(b"x" * 100_000), "vehicle.entered")

async def guest(_):
    await aio_pika.connect("amqp://guest:guest@rabbitmq/")

async def read(channel):
    await (await channel.get_queue("parking.entries.exit-generator")).get(fail=False)

async def main():
    print(json.dumps({
        "publish vehicle.entered": await tried(lambda channel: publish(channel, "vehicle.entered")),
        "publish vehicle.exited": await tried(lambda channel: publish(channel, "vehicle.exited")),
        "publish what is longer than a backend can hold a thousand of": await tried(publish_too_much),
        "declare another queue": await tried(lambda channel: channel.declare_queue("another")),
        "read the exit generator's queue": await tried(read),
        "be guest": await tried(guest),
    }))

asyncio.run(main())
"""
pytestmark = pytest.mark.timeout(1_200)


def test_everything_is_healthy(stack):
    assert [service for service in [*SERVICES, "otel-collector-health"] if not stack.healthy(service)] == []


def test_one_trace_has_all_edges(stack):
    """While cars are few: a summary that travels with others is part of their request's trace, too."""
    stack.until(lambda: whole(stack) is not None, lambda: f"no whole trace among {len(stack.traces())}")


def test_two_thousand_cars_balance(stack):
    stack.drive(CARS, rate=200)
    assert stack.wrong() == []


def test_the_console_lets_its_operator_in_and_shows_the_cars(stack):
    url = f"http://127.0.0.1:{stack.environ['PARKSTREAM_CONSOLE_PORT']}"
    with chromium() as browser:
        visitor = Visitor(browser, url)
        page = visitor.log_in(("operator", stack.token))
        entered = stack.account().state.counters["entered"]
        expect(page.locator("#entered")).to_have_text(f"{entered:,}")
        for path in ("/find", "/time", "/todo", "/running"):
            assert visitor.open(path).locator("h1").count() == 1
        visitor.close()


def test_a_camera_publishes_what_it_sees_and_nothing_else(stack):
    assert json.loads(stack.compose("exec", "-T", "entry-generator", "python", "-c", TRESPASS)) == {
        "publish vehicle.entered": "",
        "publish vehicle.exited": "ChannelAccessRefused",
        "publish what is longer than a backend can hold a thousand of": "ChannelPreconditionFailed",
        "declare another queue": "ChannelAccessRefused",
        "read the exit generator's queue": "ChannelAccessRefused",
        "be guest": "ProbableAuthenticationError",
    }


def test_nothing_is_lost_or_doubled_when_each_container_restarts_and_the_backend_is_three(stack):
    def disturb():
        for service in [*SERVICES[:-1], "otel-collector"]:
            stack.restart(service)
        stack.compose("up", "--detach", "--wait", "--no-deps", "--no-recreate", "--scale", "backend=3", "backend")
        stack.restart("entry-generator")

    stack.drive(CARS, rate=40, meanwhile=disturb)
    assert len(stack.compose("ps", "--quiet", "backend").split()) == 3
    assert stack.wrong() == []


def test_data_outlive_the_containers(stack):
    before = stack.account()
    stack.compose("--profile", "*", "down", "--timeout", "30")
    stack.up()
    stack.drive(10, rate=10)
    after = stack.account()
    assert before.entries.published < after.entries.published
    assert before.state.position < after.state.position
    assert stack.wrong() == []


def whole(stack):
    """Return the spans of an exit's way, camera to file, each the child of the one before, if some trace has them."""
    return next((way for spans in stack.traces().values() if (way := way_of(spans))), None)


def way_of(spans):
    way, parent = [], None
    for name, service in EDGES:
        found = [
            span
            for span in spans
            if span.name.split()[0] == name and span.service == service and parent in {None, span.parent_span_id}
        ]
        if not found:
            return None
        way.append(found[0])
        parent = found[0].span_id
    return way
