"""The publisher between a intent_store and a broker that can be told to fail."""

import asyncio

import pytest
from aio_pika.exceptions import AMQPConnectionError, DeliveryError, PublishError
from aiormq.abc import DeliveredMessage
from camera_queues import eventually
from pamqp.commands import Basic
from parkstream_generators.intents import Intent, SightingKind
from parkstream_generators.publisher import IN_FLIGHT_MAX, Publisher


class Broker:
    """Confirms what is sent while it is up."""

    def __init__(self):
        self.up = asyncio.Event()
        self.up.set()
        self.failure = AMQPConnectionError("away")
        self.sent: list[str] = []
        self.checked = self.renewed = 0
        self.in_flight = self.in_flight_most = 0

    async def send(self, intent):
        self.in_flight += 1
        self.in_flight_most = max(self.in_flight_most, self.in_flight)
        await asyncio.sleep(0)
        self.in_flight -= 1
        if not self.up.is_set():
            raise self.failure
        self.sent.append(intent.id)

    async def check(self):
        if not self.up.is_set():
            raise AMQPConnectionError
        self.checked += 1

    async def renew(self):
        """Make a connection, on which nothing is rejected that was on the one before."""
        self.renewed += 1
        self.up.set()


class IntentStore:
    """Remembers what was settled."""

    def __init__(self):
        self.settled: list[str] = []

    async def settle(self, intents):
        await asyncio.sleep(0)
        self.settled += [intent.id for intent in intents]


def intent(number, **more):
    return Intent(id=f"id-{number}", kind=SightingKind.ENTERED, body="{}", **more)


@pytest.fixture
def broker():
    return Broker()


@pytest.fixture
def intent_store():
    return IntentStore()


@pytest.fixture
def said():
    return []


@pytest.fixture
async def publisher(broker, intent_store, said):
    publisher = Publisher(
        broker.send,
        intent_store,
        broker.check,
        broker.renew,
        buffer_max=1_000,
        on_away=lambda error, buffered: said.append((repr(error), buffered)),
        on_confirmed=lambda _: None,
    )
    running = asyncio.create_task(publisher.run())
    yield publisher
    running.cancel()
    await asyncio.wait([running])


async def until(condition):
    async def holds():
        return condition()

    await eventually(holds)


async def emptied(publisher):
    async with asyncio.timeout(240):
        await publisher.emptied()


async def test_everything_offered_is_published_and_settled(publisher, broker, intent_store):
    publisher.offer([intent(n) for n in range(800)])
    assert publisher.room == 200
    await emptied(publisher)

    assert sorted(broker.sent) == sorted(intent_store.settled) == sorted(f"id-{n}" for n in range(800))
    assert publisher.room == 1_000
    assert 1 < broker.in_flight_most <= IN_FLIGHT_MAX


async def test_what_fails_is_published_again_when_the_queues_are_there(publisher, broker, intent_store, said):
    broker.up.clear()
    publisher.offer([intent(n) for n in range(50)])
    await until(lambda: said)
    assert (publisher.buffered, intent_store.settled) == (50, [])

    broker.up.set()
    await emptied(publisher)

    assert sorted(broker.sent) == sorted(f"id-{n}" for n in range(50))
    assert broker.checked == 1
    assert len(said) == 1


async def test_what_a_queue_rejects_is_published_over_another_connection(publisher, broker, intent_store):
    broker.failure = DeliveryError(None, Basic.Nack(1))
    broker.up.clear()
    publisher.offer([intent(n) for n in range(50)])
    await emptied(publisher)
    assert (len(broker.sent), broker.renewed) == (50, 1)


async def test_what_finds_no_queue_needs_no_other_connection(publisher, broker, said):
    broker.failure = PublishError(DeliveredMessage(Basic.Return(), None, b"", None), Basic.Return())
    broker.up.clear()
    publisher.offer([intent(1)])
    await until(lambda: said)
    broker.up.set()
    await emptied(publisher)
    assert broker.renewed == 0


async def test_a_channel_that_dies_cancels_its_publishes_but_not_the_publisher(publisher, broker, intent_store, said):
    broker.failure = asyncio.CancelledError("channel closed")
    broker.up.clear()
    publisher.offer([intent(1)])
    await until(lambda: said)
    broker.up.set()
    await emptied(publisher)

    assert intent_store.settled == ["id-1"]


async def test_an_error_that_is_no_outage_ends_the_publisher(broker, intent_store):
    broker.failure = ValueError("a bug")
    broker.up.clear()
    publisher = Publisher(
        broker.send, intent_store, broker.check, buffer_max=1, on_away=lambda *_: None, on_confirmed=lambda _: None
    )
    publisher.offer([intent(1)])

    with pytest.raises(ExceptionGroup) as raised:
        await publisher.run()
    assert raised.group_contains(ValueError, match="a bug")
    assert intent_store.settled == []


async def test_a_duplicate_is_published_after_its_original(publisher, broker, intent_store):
    publisher.offer([intent(1, copies=2)])
    await emptied(publisher)

    assert broker.sent == ["id-1", "id-1"]
    assert intent_store.settled == ["id-1"]


async def test_a_late_event_waits_for_its_time(publisher, broker):
    publisher.offer([intent(1, publish_at_us=2**60), intent(2)])
    await until(lambda: broker.sent == ["id-2"] and publisher.buffered == 1)
