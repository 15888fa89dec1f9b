"""RabbitMQ as the containers have it: every user does what its code needs, and is refused everything else."""

import gc
import warnings
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError
from aiormq.exceptions import ChannelAccessRefused, ChannelPreconditionFailed
from guarded_servers import GuardedRabbit
from parkstream_events import topology
from parkstream_messaging.connection import make_broker
from parkstream_messaging.mark_stream import MarkStream
from parkstream_messaging.topology import declare
from parkstream_operations.broker_findings import of_broker
from parkstream_operations.letters import by_reason

CONNECTIONS_MAX = 64
BY_BOTH = {"CC": [topology.ENTERED_KEY, topology.EXITED_KEY]}
USERS = {"backend", "cli", "console", "entry_generator", "exit_generator"}
CAMERAS = {"entry_generator", "exit_generator"}
QUEUES = [
    topology.ENTRIES_QUEUE,
    topology.EXITS_QUEUE,
    topology.DEAD_LETTERS_QUEUE,
    topology.SEEN_ENTERING_QUEUE,
    topology.MARK_QUEUE,
]
EXCHANGES = [topology.EVENTS_EXCHANGE, topology.DEAD_LETTERS_EXCHANGE, topology.MARK_EXCHANGE]


@pytest.fixture(scope="module")
def guarded(rabbitmq_server, tmp_path_factory):
    return GuardedRabbit(rabbitmq_server, tmp_path_factory.mktemp("rabbitmq"))


@pytest.fixture
async def topology_there(guarded):
    """What is declared with the backend's rights, and no more than those."""
    broker = make_broker(guarded.url_of("backend"))
    await broker.connect()
    await declare(broker)
    await broker.stop()
    marks = MarkStream(guarded.url_of("backend"), declares=True)
    await marks.follow()
    await marks.close()


Operation = Callable[[AbstractChannel, str], Awaitable[Any]]


def publish(exchange: str, key: str, headers: Any = None) -> Operation:
    async def operation(channel: AbstractChannel, user: str) -> None:
        target = await channel.get_exchange(exchange, ensure=False) if exchange else channel.default_exchange
        await target.publish(aio_pika.Message(b"no event", headers=headers, user_id=user), key)

    return operation


async def pretend(channel: AbstractChannel, user: str) -> None:
    target = await channel.get_exchange(topology.EVENTS_EXCHANGE, ensure=False)
    await target.publish(aio_pika.Message(b"{}", user_id=f"not-{user}"), "vehicle.entered")


def asked(method: str, *arguments: Any, **named: Any) -> Operation:
    async def operation(channel: AbstractChannel, _: str) -> None:
        underlay = await channel.get_underlay_channel()
        await getattr(underlay, method)(*arguments, **named)

    return operation


def read_marks(offset: str) -> Operation:
    async def operation(channel: AbstractChannel, _: str) -> None:
        await channel.set_qos(1)
        underlay = await channel.get_underlay_channel()
        await underlay.basic_consume(topology.MARK_QUEUE, lambda _: None, arguments={"x-stream-offset": offset})

    return operation


def bound(queue: str, exchange: str, key: str) -> dict[str, Any]:
    return {"queue": queue, "exchange": exchange, "routing_key": key}


OPERATIONS: dict[str, tuple[Operation, set[str]]] = {
    **{f"look for {name}": (asked("queue_declare", name, passive=True), USERS) for name in QUEUES},
    **{f"look for exchange {name}": (asked("exchange_declare", name, passive=True), USERS) for name in EXCHANGES},
    "publish an entry": (publish(topology.EVENTS_EXCHANGE, "vehicle.entered"), {"entry_generator", "cli", "console"}),
    "publish an exit": (publish(topology.EVENTS_EXCHANGE, "vehicle.exited"), {"exit_generator", "cli", "console"}),
    "publish something": (publish(topology.EVENTS_EXCHANGE, "vehicle.parked"), set()),
    # To a regular expression `$` is also before a newline that ends the key.
    **{
        f"publish {way} and a newline": (publish(topology.EVENTS_EXCHANGE, f"vehicle.{way}\n", BY_BOTH), set())
        for way in ("entered", "exited")
    },
    "publish a dead letter": (publish(topology.DEAD_LETTERS_EXCHANGE, ""), {"backend"}),
    "publish a mark": (publish(topology.MARK_EXCHANGE, ""), {"backend", "cli", "console"}),
    **{f"publish past the exchange to {name}": (publish("", name), set()) for name in QUEUES},
    "publish as somebody else": (pretend, set()),
    "take an entry": (asked("basic_get", topology.ENTRIES_QUEUE), {"backend"}),
    "take an exit": (asked("basic_get", topology.EXITS_QUEUE), {"backend"}),
    "take a dead letter": (asked("basic_get", topology.DEAD_LETTERS_QUEUE), {"backend", "cli", "console"}),
    "take of the exit cameras' copy": (asked("basic_get", topology.SEEN_ENTERING_QUEUE), {"exit_generator"}),
    "empty the entries": (asked("queue_purge", topology.ENTRIES_QUEUE), {"backend"}),
    "empty the exits": (asked("queue_purge", topology.EXITS_QUEUE), {"backend"}),
    "declare a queue": (asked("queue_declare", "another", durable=True), set()),
    "declare a queue without a name": (asked("queue_declare", ""), set()),
    "declare an exchange": (asked("exchange_declare", "another"), set()),
    "declare an exchange that feeds ours": (
        asked("exchange_declare", topology.SEEN_ENTERING_QUEUE, arguments={"alternate-exchange": "parking.events"}),
        set(),
    ),
    "feed our exchange from another": (
        asked("exchange_bind", destination=topology.EVENTS_EXCHANGE, source="amq.topic", routing_key="#"),
        set(),
    ),
    "bind the entries": (
        asked("queue_bind", **bound(topology.ENTRIES_QUEUE, topology.EVENTS_EXCHANGE, "vehicle.entered")),
        {"backend"},
    ),
    "bind the copy to exits": (
        asked("queue_bind", **bound(topology.SEEN_ENTERING_QUEUE, topology.EVENTS_EXCHANGE, "vehicle.exited")),
        {"backend"},
    ),
    "unbind the exit cameras' copy": (
        asked("queue_unbind", **bound(topology.SEEN_ENTERING_QUEUE, topology.EVENTS_EXCHANGE, "vehicle.exited")),
        {"backend"},
    ),
    "unbind the exits": (
        asked("queue_unbind", **bound(topology.EXITS_QUEUE, topology.EVENTS_EXCHANGE, "vehicle.exited")),
        {"backend"},
    ),
    "feed the dead letters from our exchange": (
        asked("exchange_bind", destination=topology.DEAD_LETTERS_EXCHANGE, source=topology.EVENTS_EXCHANGE),
        set(),
    ),
    **{
        f"bind {name} to an exchange of all": (asked("queue_bind", **bound(name, "amq.topic", "#")), set())
        for name in QUEUES
    },
    **{
        f"publish to {name}": (publish(name, topology.ENTERED_KEY), set())
        for name in ("amq.topic", "amq.direct", "amq.fanout", "amq.headers", "amq.rabbitmq.trace")
    },
    **{
        f"read marks from {offset}": (read_marks(offset), {"backend", "cli", "console"}) for offset in ("first", "last")
    },
    **{f"delete {name}": (asked("queue_delete", name, if_empty=True), {"backend"}) for name in QUEUES[:2]},
    "delete the dead letters": (
        asked("queue_delete", topology.DEAD_LETTERS_QUEUE, if_empty=True),
        {"backend", "cli", "console"},
    ),
    "delete the cameras' copy": (asked("queue_delete", topology.SEEN_ENTERING_QUEUE), set()),
    "delete the exchange": (asked("exchange_delete", topology.EVENTS_EXCHANGE, if_unused=True), {"backend"}),
}
"""Who may do what; the others are refused. The backend's deletions fail for another reason: something is there."""


async def is_refused(guarded: GuardedRabbit, user: str, operation: Operation) -> bool:
    connection = await aio_pika.connect(guarded.url_of(user))
    async with connection:
        channel = await connection.channel(on_return_raises=True)
        try:
            await operation(channel, user)
        except ChannelAccessRefused:
            return True
        except ChannelPreconditionFailed as error:  # Also for a queue or an exchange that is in use: who may, may.
            return "user_id" in str(error)
        except AMQPError:
            return False
    return False


@pytest.mark.parametrize("user", sorted(USERS))
async def test_a_user_may_do_what_it_needs_and_nothing_else(guarded, topology_there, user):
    allowed = {what for what, (operation, _) in OPERATIONS.items() if not await is_refused(guarded, user, operation)}
    assert allowed == {what for what, (_, users) in OPERATIONS.items() if user in users}


async def test_a_camera_opens_no_more_connections_than_cameras_need(guarded):
    async with AsyncExitStack() as stack:
        for _ in range(CONNECTIONS_MAX):
            await stack.enter_async_context(await aio_pika.connect(guarded.url_of("entry_generator")))
        with pytest.raises(AMQPError):
            await aio_pika.connect(guarded.url_of("entry_generator"))
        await (await aio_pika.connect(guarded.url_of("exit_generator"))).close()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # aiormq leaves the socket of a connection that was refused to whoever finds it.


@pytest.mark.usefixtures("topology_there")
async def test_the_console_may_see_all_that_the_doctor_looks_at(guarded):
    async with await aio_pika.connect(guarded.url_of("console")) as connection:
        found = await of_broker(connection)
    assert [one.about for one in found if "refused" in one.found.lower()] == []
    assert [one.about for one in found] == ["RabbitMQ", *(f"queue {name}" for name in QUEUES[:3])]
    assert (await by_reason(guarded.url_of("console"))).waiting >= 0
