"""The record path on a real RabbitMQ: what is taken, what is acknowledged, what becomes a dead letter."""

import asyncio
import struct
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel, AbstractExchange
from backend_sightings import BEGIN, entry, exit_, now, poison, publish_entry, publish_exit
from faststream.rabbit import Channel, RabbitBroker
from pamqp import encode
from parkstream_backend.record.acks import Acks
from parkstream_backend.record.back_pressure import BackPressure
from parkstream_backend.record.dead_letters import DeadLetters
from parkstream_backend.record.recorder import Recorder
from parkstream_backend.record.subscribers import listen_to_entries, listen_to_exits
from parkstream_eventlog import GroupCommit, MemoryLog
from parkstream_events import topology, wire
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_messaging.confirmed_channel import ConfirmedChannel
from parkstream_messaging.connection import make_broker
from parkstream_messaging.topology import declare
from parkstream_service.lifecycle import cancel
from parkstream_telemetry import TelemetryOptions, start


class Record(NamedTuple):
    """A recording process without the process."""

    log: MemoryLog
    back_pressure: BackPressure
    broker: RabbitBroker
    channel: AbstractChannel
    events: AbstractExchange
    failures: list[Exception]

    async def begin(self) -> None:
        await self.broker.start()

    async def ready_count(self, queue: str) -> int:
        declared = await self.channel.declare_queue(queue, passive=True)
        return declared.declaration_result.message_count or 0

    async def dead_letters(self) -> list[aio_pika.abc.AbstractIncomingMessage]:
        queue = await self.channel.get_queue(topology.DEAD_LETTERS_QUEUE)
        letters = []
        while (letter := await queue.get(fail=False, no_ack=True, timeout=120)) is not None:
            letters.append(letter)
        return letters


async def until(condition: Callable[[], Any], timeout_seconds: float = 240) -> None:
    """Return when *condition*, a function or a coroutine function, holds."""
    deadline = time.monotonic() + timeout_seconds
    while True:
        held = condition()
        if (await held) if asyncio.iscoroutine(held) else held:
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


@pytest.fixture
async def record(rabbitmq_url: str) -> AsyncIterator[Record]:
    telemetry = start(TelemetryOptions(service="test", statistics_seconds=0))
    broker, log, back_pressure = make_broker(rabbitmq_url, graceful_seconds=300), MemoryLog(LOG_SCHEMA), BackPressure()
    failures: list[Exception] = []
    async with GroupCommit(log) as commit:
        dead_letters = DeadLetters(ConfirmedChannel(rabbitmq_url, topology.DEAD_LETTERS_EXCHANGE), telemetry)
        publishing = asyncio.create_task(dead_letters.run())
        recorder = Recorder(commit, dead_letters, Acks(), back_pressure, telemetry, failures.append)
        listen_to_entries(broker, recorder, Channel(prefetch_count=50))
        listen_to_exits(broker, recorder, Channel(prefetch_count=50))
        for subscriber in broker.subscribers:
            subscriber.running = True
        await broker.connect()
        await declare(broker)
        connection = await aio_pika.connect(rabbitmq_url)
        async with connection:
            channel = await connection.channel()
            events = await channel.get_exchange(topology.EVENTS_EXCHANGE)
            yield Record(log, back_pressure, broker, channel, events, failures)
            back_pressure.abandon()
            await broker.stop()
    await cancel(publishing)
    await dead_letters.close()
    assert failures == []


async def position_is(record: Record, position: int) -> bool:
    return (await record.log.state()).position >= position


async def test_what_cameras_saw_is_recorded_as_received_and_acknowledged(record: Record):
    bodies = {b"E": entry("e1", "ab-12", BEGIN, vendor="x"), b"X": exit_("x1", "AB12", BEGIN)}
    await record.begin()
    await publish_entry(record.events, bodies[b"E"], headers={topology.PUBLISHED_AT_HEADER: 5})
    await until(lambda: position_is(record, 1))
    await publish_exit(record.events, bodies[b"X"], type=None, headers={topology.TRACEPARENT_HEADER: "nonsense"})
    await until(lambda: position_is(record, 2))
    entered, exited = await record.log.read(0, 10)
    assert (entered.type, entered.id, entered.body) == ("vehicle.entered.v1", "e1", bodies[b"E"])
    assert (exited.type, exited.id, exited.body) == ("vehicle.exited.v1", "x1", bodies[b"X"])
    assert (entered.published_at_us, exited.traceparent) == (5, None)
    await record.broker.stop()
    assert await record.ready_count(topology.ENTRIES_QUEUE) == 0
    assert await record.ready_count(topology.EXITS_QUEUE) == 0


async def test_a_large_backlog_at_the_start_is_taken_whole(record: Record):
    """FastStream drops deliveries that arrive before it notices that it runs: the acknowledged range would stall."""
    count = 3_000
    for first in range(0, count, 500):
        await asyncio.gather(
            *(publish_entry(record.events, entry(f"e{n}", f"P{n}", BEGIN)) for n in range(first, first + 500))
        )
    await record.begin()
    await until(lambda: position_is(record, count))
    await record.broker.stop()
    assert await record.ready_count(topology.ENTRIES_QUEUE) == 0


async def test_duplicates_are_acknowledged_and_change_nothing(record: Record):
    await record.begin()
    for _ in range(20):
        await publish_entry(record.events, entry("e1", "P1", BEGIN))
    await publish_entry(record.events, entry("e2", "P2", BEGIN))
    await until(lambda: position_is(record, 2))
    await record.broker.stop()
    assert await record.ready_count(topology.ENTRIES_QUEUE) == 0
    assert (await record.log.state()).position == 2


async def test_poison_becomes_dead_letters_and_the_rest_moves_on(record: Record):
    kinds = poison(1)
    await record.begin()
    for number, (_, body, properties) in enumerate(kinds):
        await publish_entry(record.events, body, **{"message_id": str(number), **properties})
        await publish_entry(record.events, entry(f"good-{number}", f"G{number}", now()))
    await until(lambda: position_is(record, len(kinds)))
    await until(lambda: dead_letter_count(record, len(kinds)))
    letters = {int(letter.message_id or -1): letter for letter in await record.dead_letters()}
    for number, (reason, body, properties) in enumerate(kinds):
        letter = letters[number]
        assert (letter.headers[topology.REASON_HEADER], letter.body) == (reason, body), (number, letter.headers)
        assert letter.headers[topology.ORIGINAL_QUEUE_HEADER] == topology.ENTRIES_QUEUE
        assert letter.headers[topology.DETAIL_HEADER]
        assert letter.type == properties.get("type", "vehicle.entered.v1")
        assert letter.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
    await record.broker.stop()
    assert await record.ready_count(topology.ENTRIES_QUEUE) == 0


async def dead_letter_count(record: Record, count: int) -> bool:
    return await record.ready_count(topology.DEAD_LETTERS_QUEUE) >= count


async def test_the_same_id_with_another_body_is_a_conflict(record: Record):
    await record.begin()
    await publish_entry(record.events, entry("e1", "P1", BEGIN))
    await until(lambda: position_is(record, 1))
    await publish_entry(record.events, entry("e1", "P2", BEGIN))
    await until(lambda: dead_letter_count(record, 1))
    (letter,) = await record.dead_letters()
    assert letter.headers[topology.REASON_HEADER] == "id_conflict"
    assert "position 1" in str(letter.headers[topology.DETAIL_HEADER])


async def test_headers_go_along_unless_they_cannot(record: Record):
    await record.begin()
    kept: dict[str, Any] = {"a": 1, "b": [True, 1.5, {"c": "d"}], "CC": ["elsewhere"], "raw": bytearray(b"\xff")}
    await publish_entry(record.events, b"{", headers=kept)
    await publish_entry(record.events, b"{", headers={"much": "x" * 100_000})
    await until(lambda: dead_letter_count(record, 2))
    small, large = sorted(
        await record.dead_letters(), key=lambda letter: "much" in letter.headers or "a" not in letter.headers
    )
    assert (small.headers["a"], small.headers["b"]) == (1, [True, 1.5, {"c": "d"}])
    assert "CC" not in small.headers
    assert "much" not in large.headers
    assert large.headers[topology.REASON_HEADER] == "not_json"


WRONG_TIMES = [True, False, 0, -1, 2**60, 1.5, "soon", None, [1], {"a": 1}, bytearray(b"5"), BEGIN]


async def test_a_wrong_header_is_no_reason_to_refuse_a_sighting(record: Record):
    await record.begin()
    for number, value in enumerate(WRONG_TIMES):
        headers = {topology.PUBLISHED_AT_HEADER: value, topology.TRACEPARENT_HEADER: value}
        await publish_entry(record.events, entry(f"e{number}", f"P{number}", BEGIN), headers=headers)
    await until(lambda: position_is(record, len(WRONG_TIMES)))
    for recorded in await record.log.read(0, 100):
        assert recorded.published_at_us is None
        assert recorded.traceparent is None


async def test_properties_that_no_client_can_decode_block_nothing(record: Record, monkeypatch: pytest.MonkeyPatch):
    """pamqp raises for both; the connection would die with each delivery, for ever."""
    await record.begin()
    nanoseconds = struct.pack(">Q", 1_700_000_000_000_000_000)
    plain = encode.METHODS["shortstr"]
    with monkeypatch.context() as patch:
        patch.setitem(encode.METHODS, "timestamp", lambda _: nanoseconds)
        patch.setitem(encode.METHODS, "shortstr", lambda text: b"\x02\xff\xfe" if text == "BAD" else plain(text))
        await publish_entry(record.events, entry("e1", "P1", BEGIN), timestamp=BEGIN)
        await publish_entry(record.events, entry("e2", "P2", BEGIN), message_id="BAD")
        await publish_entry(record.events, entry("e3", "P3", BEGIN), type="BAD")
    await publish_entry(record.events, entry("e4", "P4", BEGIN))
    await until(lambda: position_is(record, 3))
    await until(lambda: dead_letter_count(record, 1))
    (letter,) = await record.dead_letters()
    assert letter.headers[topology.REASON_HEADER] == "unknown_type"


async def test_a_message_that_came_by_a_further_key_is_refused(record: Record):
    """Before RabbitMQ 4 a right to publish entries does not keep anybody from adding the key of exits."""
    await record.begin()
    forged = exit_("x1", "P1", BEGIN)
    for further in ("CC", "BCC"):
        headers = {further: [topology.EXITED_KEY]}
        await publish_entry(record.events, forged, type=wire.EXITED, message_id=further, headers=headers)
    await until(lambda: dead_letter_count(record, 4))
    reasons = Counter(
        (one.headers["x-original-queue"], one.headers[topology.REASON_HEADER]) for one in await record.dead_letters()
    )
    assert reasons == {(topology.EXITS_QUEUE, "misrouted"): 2, (topology.ENTRIES_QUEUE, "unknown_type"): 2}
    assert (await record.log.state()).position == 0


async def test_while_the_gate_is_shut_deliveries_wait_in_rabbitmq(record: Record):
    record.back_pressure.set_reasons(frozenset({"outbox"}))
    await record.begin()
    for number in range(120):
        await publish_entry(record.events, entry(f"e{number}", f"P{number}", BEGIN))
    await until(lambda: waiting_is(record, 120 - 50))
    assert (await record.log.state()).position == 0
    record.back_pressure.set_reasons(frozenset())
    await until(lambda: position_is(record, 120))


async def waiting_is(record: Record, count: int) -> bool:
    return await record.ready_count(topology.ENTRIES_QUEUE) == count


async def test_what_waits_at_the_gate_goes_back_when_the_process_stops(record: Record):
    record.back_pressure.set_reasons(frozenset({"outbox"}))
    await record.begin()
    for number in range(60):
        await publish_entry(record.events, entry(f"e{number}", f"P{number}", BEGIN))
    await until(lambda: waiting_is(record, 10))
    record.back_pressure.abandon()
    async with asyncio.timeout(240):  # The broker would wait for five minutes for handlers that do not end.
        await record.broker.stop()
    await until(lambda: waiting_is(record, 60))


async def test_an_invalid_message_leaves_the_queue_only_when_its_dead_letter_is_safe(record: Record):
    await record.channel.queue_delete(topology.DEAD_LETTERS_QUEUE)
    await record.begin()
    await publish_entry(record.events, b"{")
    await publish_entry(record.events, entry("e1", "P1", BEGIN))
    await until(lambda: position_is(record, 1))
    await declare(record.broker)
    await until(lambda: dead_letter_count(record, 1))
    reasons = Counter(letter.headers[topology.REASON_HEADER] for letter in await record.dead_letters())
    assert reasons == {"not_json": 1}
