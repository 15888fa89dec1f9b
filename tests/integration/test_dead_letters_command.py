"""``parkstream dead-letters`` on a real RabbitMQ: looked at without a trace, redriven without a loss."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import unquote, urlsplit

import aio_pika
import pytest
from aio_pika.exceptions import AMQPError
from backend_sightings import entry, exit_, now
from command_line import CommandLine
from parkstream_events import topology, wire
from parkstream_events.wire import Refusal
from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import declare

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
LINKED = {topology.LINKED_TRACEPARENT_HEADER: TRACE}


class Broker:
    """The queues of a vhost, and what is in them."""

    def __init__(self, channel: aio_pika.abc.AbstractChannel) -> None:
        self.channel = channel

    async def bury(self, id_: str, reason: str, body: bytes, queue: str = topology.ENTRIES_QUEUE, **more) -> None:
        """Publish a dead letter as the backend does; as nobody without a *user*."""
        user = more.pop("user", "guest")
        headers = {
            topology.PUBLISHED_AT_HEADER: 1_795_766_400_000_000,
            topology.TRACEPARENT_HEADER: TRACE,
            topology.REASON_HEADER: reason,
            topology.DETAIL_HEADER: f"why {reason}",
            topology.ORIGINAL_QUEUE_HEADER: queue,
            **more,
        }
        type_ = wire.ENTERED if queue == topology.ENTRIES_QUEUE else wire.EXITED
        message = aio_pika.Message(body, headers=headers, message_id=id_, type=type_, delivery_mode=2, user_id=user)
        exchange = await self.channel.get_exchange(topology.DEAD_LETTERS_EXCHANGE)
        await exchange.publish(message, "")

    async def waiting(self, queue: str) -> int:
        """Return how many messages wait in *queue*."""
        declared = await self.channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0

    async def until(self, queue: str, count: int) -> None:
        """Return when *count* messages wait in *queue*."""
        deadline = time.monotonic() + 300
        while (found := await self.waiting(queue)) != count:
            assert time.monotonic() < deadline, f"{found} in {queue}, not {count}"
            await asyncio.sleep(0.1)

    async def take(self, queue: str) -> aio_pika.abc.AbstractIncomingMessage:
        """Take the first message out of *queue*."""
        declared = await self.channel.declare_queue(queue, passive=True)
        message = await declared.get(no_ack=True, timeout=120)
        assert message is not None
        return message

    async def bodies(self, queue: str) -> list[bytes]:
        """Take everything out of *queue*, and return the bodies."""
        declared = await self.channel.declare_queue(queue, passive=True)
        taken: list[bytes] = []
        while (message := await declared.get(no_ack=True, fail=False, timeout=120)) is not None:
            taken.append(message.body)
        return taken


@pytest.fixture
async def broker(rabbitmq_url) -> AsyncIterator[Broker]:
    ours = make_broker(rabbitmq_url)
    await ours.connect()
    await declare(ours)
    await ours.stop()
    async with await aio_pika.connect(rabbitmq_url) as connection:
        yield Broker(await connection.channel())


@pytest.fixture
def parkstream(rabbitmq_url) -> CommandLine:
    return CommandLine({"PARKSTREAM_RABBITMQ_URL": rabbitmq_url})


@pytest.fixture
async def buried(broker: Broker) -> Broker:
    await broker.bury("a", "not_json", b'{"id": "a",')
    await broker.bury("b", "too_old", entry("b", "CAR1", now()), nested={"deep": [1, "x"]})
    await broker.bury("c", "too_old", exit_("c", "CAR1", now()), topology.EXITS_QUEUE, **LINKED)
    await broker.bury("d", "invalid_field", b"\xff\xfe")
    await broker.until(topology.DEAD_LETTERS_QUEUE, 4)
    return broker


async def test_list_shows_reasons_headers_and_bodies_and_takes_nothing(buried, parkstream):
    for _ in range(3):
        listed = parkstream("dead-letters", "list", "--json").lines
        assert [one["reason"] for one in listed] == ["not_json", "too_old", "too_old", "invalid_field"]
        await buried.until(topology.DEAD_LETTERS_QUEUE, 4)
    first, second, *_ = listed
    assert (first["id"], first["detail"], first["queue"]) == ("a", "why not_json", topology.ENTRIES_QUEUE)
    assert first["body"] == '{"id": "a",'
    assert second["body"]["vehicle_plate"] == "CAR1"
    assert second["headers"][topology.TRACEPARENT_HEADER] == TRACE
    assert second["published_at"].startswith("2026-11-27")

    too_old = parkstream("dead-letters", "list", "--reason", "too_old", "--json").lines
    assert [one["id"] for one in too_old] == ["b", "c"]
    by_queue = parkstream("dead-letters", "list", "--queue", topology.EXITS_QUEUE)
    assert len(by_queue.out.splitlines()) == 1
    limited = parkstream("dead-letters", "list", "--limit", "2")
    assert (len(limited.out.splitlines()), "more than 2" in limited.err) == (2, True)
    assert "why not_json" in limited.out
    none = parkstream("dead-letters", "list", "--reason", "too_large")
    assert (none.code, none.out, "no dead letter is like that" in none.err) == (0, "", True)


async def test_show_tells_everything_of_one(buried, parkstream):
    shown = parkstream("dead-letters", "show", "b")
    assert shown.code == 0
    for part in ("dead letter b", "too_old", '"vehicle_plate": "CAR1"', f'traceparent: "{TRACE}"'):
        assert part in shown.out
    assert "\\xff\\xfe" in parkstream("dead-letters", "show", "d").out
    assert parkstream("dead-letters", "show", "nobody").code == 1
    await buried.until(topology.DEAD_LETTERS_QUEUE, 4)


async def test_redrive_publishes_what_was_published_and_leaves_the_rest(buried, parkstream):
    would = parkstream("dead-letters", "redrive", "--reason", "too_old", "--dry-run", "--json").object
    assert (would["redriven"], would["stay"], would["dry_run"]) == (["b", "c"], 2, True)
    await buried.until(topology.DEAD_LETTERS_QUEUE, 4)

    done = parkstream("dead-letters", "redrive", "--reason", "too_old", "--json").object
    assert (done["redriven"], done["stay"]) == (["b", "c"], 2)
    await buried.until(topology.DEAD_LETTERS_QUEUE, 2)
    message = await buried.take(topology.EXITS_QUEUE)
    assert (message.message_id, message.type, message.delivery_mode) == ("c", wire.EXITED, 2)
    assert published(message) == {
        topology.PUBLISHED_AT_HEADER: 1_795_766_400_000_000,
        topology.TRACEPARENT_HEADER: TRACE,
        **LINKED,
    }
    entered = await buried.take(topology.ENTRIES_QUEUE)
    assert entered.headers["nested"] == {"deep": [1, "x"]}
    assert b"CAR1" in entered.body


async def test_redrive_by_id_tells_what_was_not_there(buried, parkstream):
    answer = parkstream("dead-letters", "redrive", "--id", "a", "--id", "nobody")
    assert answer.code == 1
    assert answer.out == "1 redriven, 3 stay\n"
    assert answer.err == "there is no dead letter nobody\n"
    assert await buried.bodies(topology.ENTRIES_QUEUE) == [b'{"id": "a",']


async def test_redrive_wants_to_be_told_what(broker, parkstream):
    for words in ([], ["--all", "--reason", "too_old"], ["--id"]):
        answer = parkstream("dead-letters", "redrive", *words)
        assert (answer.code, answer.out) == (2, ""), words
    assert parkstream("dead-letters", "list").err == "there is no dead letter\n"


async def test_what_came_from_an_unknown_queue_stays(broker, parkstream):
    await broker.bury("a", "too_old", b"{}", "somebody.else")
    await broker.until(topology.DEAD_LETTERS_QUEUE, 1)
    answer = parkstream("dead-letters", "redrive", "--all")
    assert (answer.code, answer.out) == (1, "0 redriven, 1 stay\n")
    await broker.until(topology.DEAD_LETTERS_QUEUE, 1)


async def test_what_somebody_else_put_here_is_no_sighting(broker, parkstream, rabbitmq_url, servers):
    """RabbitMQ lets nobody say that another published it."""
    await broker.bury("nobody", "too_old", entry("nobody", "CAR1", now()), user=None)
    servers.rabbitmq.control("add_user", "camera", "camera")
    servers.rabbitmq.control("set_permissions", "-p", vhost_of(rabbitmq_url), "camera", ".*", ".*", ".*")
    async with await aio_pika.connect(rabbitmq_url.replace("guest:guest", "camera:camera")) as connection:
        camera = Broker(await connection.channel())
        await camera.bury("own", "too_old", entry("own", "CAR1", now()), user="camera")
        with pytest.raises(AMQPError, match="user_id"):
            await camera.bury("forged", "too_old", entry("forged", "CAR1", now()), user="guest")
    servers.rabbitmq.control("delete_user", "camera")
    await broker.until(topology.DEAD_LETTERS_QUEUE, 2)
    done = parkstream("dead-letters", "redrive", "--all", "--json")
    assert (done.code, json.loads(done.out)["untrusted"]) == (1, ["nobody", "own"])
    assert await broker.waiting(topology.ENTRIES_QUEUE) == 0


def vhost_of(url: str) -> str:
    return unquote(urlsplit(url).path[1:])


async def test_what_came_by_a_key_that_its_camera_has_no_right_to_is_never_sent_there(broker, parkstream):
    await broker.bury("a", Refusal.MISROUTED, exit_("a", "CAR1", now()), topology.EXITS_QUEUE)
    await broker.until(topology.DEAD_LETTERS_QUEUE, 1)
    answer = parkstream("dead-letters", "redrive", "--all", "--untrusted")
    assert (answer.code, answer.out) == (1, "0 redriven, 1 stay\n")


async def test_what_rabbitmq_moved_here_by_itself_is_listed_and_redriven(broker, parkstream):
    events = await broker.channel.get_exchange(topology.EVENTS_EXCHANGE)
    await events.publish(aio_pika.Message(b"{}", message_id="m"), topology.EXITED_KEY)
    await broker.until(topology.EXITS_QUEUE, 1)
    queue = await broker.channel.declare_queue(topology.EXITS_QUEUE, passive=True)
    message = await queue.get(timeout=120)
    await message.reject(requeue=False)
    await broker.until(topology.DEAD_LETTERS_QUEUE, 1)
    (letter,) = parkstream("dead-letters", "list", "--json").lines
    assert (letter["reason"], letter["queue"]) == ("rejected", topology.EXITS_QUEUE)
    stays = parkstream("dead-letters", "redrive", "--all")
    assert (stays.code, stays.out, "the backend did not put it here" in stays.err) == (1, "0 redriven, 1 stay\n", True)
    assert parkstream("dead-letters", "redrive", "--all", "--untrusted").code == 0
    redriven = await broker.take(topology.EXITS_QUEUE)
    assert published(redriven) == {}


def published(message: aio_pika.abc.AbstractIncomingMessage) -> dict[str, object]:
    """Return the headers, without the one that a quorum queue adds."""
    return {name: value for name, value in message.headers.items() if name != "x-delivery-count"}


async def test_without_a_queue_for_it_nothing_is_redriven_and_nothing_is_lost(buried, parkstream):
    queue = await buried.channel.declare_queue(topology.ENTRIES_QUEUE, passive=True)
    await queue.delete(if_unused=False, if_empty=False)
    answer = parkstream("dead-letters", "redrive", "--all")
    assert answer.code == 1
    assert "the queues of sightings are not there" in answer.err
    assert "start the backend" in answer.err
    await buried.until(topology.DEAD_LETTERS_QUEUE, 4)


async def test_a_queue_that_limits_deliveries_is_not_looked_at(buried, parkstream):
    """RabbitMQ would drop a letter that was looked at too often."""
    queue = await buried.channel.declare_queue(topology.DEAD_LETTERS_QUEUE, passive=True)
    await queue.delete(if_unused=False, if_empty=False)
    limited = {**topology.DEAD_LETTERS_QUEUE_ARGUMENTS, "x-delivery-limit": 1}
    await buried.channel.declare_queue(topology.DEAD_LETTERS_QUEUE, durable=True, arguments=limited)
    for words in (["list"], ["redrive", "--all"]):
        answer = parkstream("dead-letters", *words)
        assert (answer.code, answer.out) == (1, "")
        assert "might drop letters" in answer.err


async def test_without_rabbitmq_or_its_queue_it_says_what_to_do(rabbitmq_url):
    away = CommandLine({"PARKSTREAM_RABBITMQ_URL": "amqp://127.0.0.1:1/"})("dead-letters", "list")
    assert (away.code, away.err) == (
        1,
        "error: amqp://127.0.0.1:1/: Connection refused (start it, or set PARKSTREAM_RABBITMQ_URL)\n",
    )
    undeclared = CommandLine({"PARKSTREAM_RABBITMQ_URL": rabbitmq_url})("dead-letters", "list")
    assert undeclared.code == 1
    assert "start the backend, which declares it" in undeclared.err


async def test_killed_in_the_middle_of_a_redrive_nothing_is_lost(broker, parkstream):
    """At most one letter is there and here: the one that was confirmed, but not acknowledged."""
    count = 300
    bodies = {b'{"id": "%d"}' % number for number in range(count)}
    for number, body in enumerate(sorted(bodies)):
        await broker.bury(f"{number}", "too_old", body)
    await broker.until(topology.DEAD_LETTERS_QUEUE, count)
    redriving = parkstream.start("dead-letters", "redrive", "--all")
    try:
        deadline = time.monotonic() + 300
        while await broker.waiting(topology.ENTRIES_QUEUE) < 10:
            assert time.monotonic() < deadline
    finally:
        redriving.kill()
        redriving.communicate()
    here, there = await settled(broker)
    assert {*here, *there} == bodies
    assert len(here) > 0, "it was killed in the middle"
    assert len(here) + len(there) <= count + 1
    assert len({*there}) == len(there)


async def settled(broker: Broker) -> tuple[list[bytes], list[bytes]]:
    """Return what is in both queues once RabbitMQ has noticed that a consumer is gone."""
    before = -1, -1
    while (after := await both(broker)) != before or sum(after) < 300:
        before = after
        await asyncio.sleep(1)
    return await broker.bodies(topology.DEAD_LETTERS_QUEUE), await broker.bodies(topology.ENTRIES_QUEUE)


async def both(broker: Broker) -> tuple[int, int]:
    return await broker.waiting(topology.DEAD_LETTERS_QUEUE), await broker.waiting(topology.ENTRIES_QUEUE)
