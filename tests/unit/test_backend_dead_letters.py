"""Which letters are published, how often, and when they are safe."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aio_pika import Message
from pamqp.commands import Basic
from parkstream_backend.record.dead_letters import DeadLetters
from parkstream_events.wire import Refusal, UnreadableError
from parkstream_messaging.batch_subscriber import Delivery
from parkstream_service.lifecycle import cancel
from parkstream_telemetry import TelemetryOptions, start

REFUSAL = UnreadableError(Refusal.NOT_JSON, "no JSON")


class Channel:
    """Confirms what is published when it is told to."""

    def __init__(self) -> None:
        self.published: list[bytes] = []
        self.together: list[list[str]] = []
        self.confirming = asyncio.Event()
        self.failure: Exception | None = None

    async def opened(self) -> None:
        """Be there."""

    async def blocked(self) -> bool:
        return False

    async def renew(self) -> None:
        """Forget nothing."""

    async def publish(self, message: Message, _: str) -> None:
        if self.failure is not None:
            raise self.failure
        self.published.append(message.body)
        await self.confirming.wait()


class Letters:
    """The letters under test, over a channel that is none."""

    def __init__(self) -> None:
        self.channel = Channel()
        channel: Any = self.channel
        self.letters = DeadLetters(channel, start(TelemetryOptions(service="test", statistics_seconds=0)))
        self.consumed = SimpleNamespace(is_closed=False)

    def refuse(self, body: bytes, *, id_: str | None = None, redelivered: bool = False) -> "asyncio.Task[bool]":
        channel: Any = self.consumed
        properties = Basic.Properties(message_id=id_)
        delivery = Delivery(channel, 1, redelivered, "e", "k", None, id_, {}, body, properties)
        span: Any = None
        return asyncio.create_task(self.letters.publish(delivery, "q", REFUSAL, span))

    def reconnect(self) -> None:
        self.consumed.is_closed = True
        self.consumed = SimpleNamespace(is_closed=False)


@pytest.fixture
async def mall(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Letters]:
    made = Letters()
    monkeypatch.setattr(made.letters, "_declare", made.channel.opened)
    running = asyncio.create_task(made.letters.run())
    yield made
    await cancel(running)


async def turns(count: int = 30) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_a_letter_is_safe_when_it_is_confirmed(mall: Letters):
    safe = mall.refuse(b"a")
    await turns()
    assert (mall.channel.published, safe.done()) == ([b"a"], False)
    mall.channel.confirming.set()
    assert await safe


async def test_two_letters_of_one_id_are_not_on_their_way_at_once(mall: Letters):
    first, second, other = mall.refuse(b"a", id_="1"), mall.refuse(b"b", id_="1"), mall.refuse(b"c", id_="2")
    await turns()
    assert mall.channel.published == [b"a", b"c"]
    mall.channel.confirming.set()
    assert await asyncio.gather(first, second, other) == [True, True, True]
    assert mall.channel.published == [b"a", b"c", b"b"]


async def test_a_letter_whose_channel_died_waits_for_its_redelivery(mall: Letters):
    mall.channel.failure = ConnectionError("away")
    lost = mall.refuse(b"a")
    await turns()
    mall.reconnect()
    mall.channel.failure = None
    mall.channel.confirming.set()
    assert await lost is False
    assert mall.channel.published == []
    assert await mall.refuse(b"a", redelivered=True)
    assert mall.channel.published == [b"a"]


async def test_a_letter_that_is_confirmed_after_its_channel_died_is_not_published_again(mall: Letters):
    first = mall.refuse(b"a")
    await turns()
    mall.reconnect()
    again, another = mall.refuse(b"a", redelivered=True), mall.refuse(b"a")
    await turns()
    mall.channel.confirming.set()
    assert await asyncio.gather(first, again, another) == [True, True, True]
    assert mall.channel.published == [b"a", b"a"]


async def test_while_letters_wait_it_is_said_how_many_and_why(mall: Letters):
    mall.channel.failure = ConnectionError("away")
    waiting = [mall.refuse(b"a"), mall.refuse(b"b")]
    await turns()
    assert (await mall.letters.problem()).startswith("2 refused messages wait for the dead letters since ")
    assert (await mall.letters.problem()).endswith("ConnectionError: away")
    mall.channel.failure = None
    mall.channel.confirming.set()
    assert await asyncio.gather(*waiting) == [True, True]
    await turns()
    assert await mall.letters.problem() == ""


async def test_nothing_is_published_while_the_process_stops(mall: Letters):
    await mall.letters.finish()
    waiting = mall.refuse(b"a")
    await turns()
    assert mall.channel.published == []
    await cancel(waiting)
