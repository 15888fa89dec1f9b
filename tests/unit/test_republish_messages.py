"""What is sent of a record, when, and up to where it is known to be there."""

import asyncio
import json
from datetime import timedelta
from uuid import UUID

import pytest
from aio_pika.exceptions import AMQPConnectionError
from parkstream_devtools.republish.messages import Changes, Message, Pace, message_of
from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.sightings import Direction
from parkstream_events.units import HOUR_US
from parkstream_messaging.confirmed_publisher import IN_FLIGHT_MAX, ConfirmedPublisher

AS_IT_WAS = Changes(new_ids=False, shift=timedelta())
BODY = b'{"id":"in-1", "vehicle_plate":"b-mw 1","entry_date_time":"2026-03-01T09:00:00+01:00","n":12345678901234567890}'


def record(type_: str = wire.ENTERED, body: bytes = BODY, recorded: int = 0, published: int | None = None) -> Record:
    return Record(7, type_, "in-1", body, recorded, published, "00-trace")


def test_a_body_is_sent_byte_for_byte():
    assert message_of(record(), AS_IT_WAS) == Message(7, Direction.ENTRY, wire.ENTERED, "in-1", BODY)


def test_a_new_id_is_a_uuid_of_version_7_and_all_else_stays():
    sent = message_of(record(), Changes(new_ids=True, shift=timedelta()))
    assert UUID(sent.id).version == 7
    assert json.loads(sent.body) == {**json.loads(BODY), "id": sent.id}
    assert sent.id != message_of(record(), Changes(new_ids=True, shift=timedelta())).id


def test_times_are_moved_in_either_version():
    moved = Changes(new_ids=False, shift=timedelta(days=1))
    assert json.loads(message_of(record(), moved).body)["entry_date_time"] == "2026-03-02T08:00:00+00:00"
    body = b'{"id":"o","vehicle_plate":"A","exit_date_time":"2026-03-01T09:00:00Z","camera":{"site":"n","lane":"1"}}'
    sent = message_of(record(wire.EXITED_V2, body), moved)
    assert (sent.type, sent.direction, sent.id) == (wire.EXITED_V2, Direction.EXIT, "o")
    assert json.loads(sent.body)["camera"] == {"site": "n", "lane": "1"}
    assert wire.decode_sighting(sent.type, sent.body).event_time.day == 2


def test_what_cannot_be_read_is_not_sent():
    with pytest.raises(wire.UnreadableError):
        message_of(record(body=b"{}"), AS_IT_WAS)


@pytest.mark.parametrize(("speed", "due"), [(1.0, [0, 1, 60]), (10.0, [0, 0.1, 6]), (None, [0, 0, 0])])
def test_the_pace_counts_from_the_first(speed, due):
    pace = Pace(speed)
    assert [pace.due_seconds(record(recorded=at * 1_000_000)) for at in (100, 101, 160)] == due


def test_the_pace_is_that_of_the_publisher_unless_its_clock_cannot_be_right():
    pace, recorded = Pace(1.0), 100 * HOUR_US
    assert pace.due_seconds(record(recorded=recorded, published=recorded - HOUR_US)) == 0
    assert pace.due_seconds(record(recorded=recorded, published=recorded - HOUR_US // 2)) == 1_800
    for wrong in (1, recorded + 1, 2**52):
        assert pace.due_seconds(record(recorded=recorded, published=wrong)) == 3_600


class Broker:
    """Confirms what it is told to, in any order."""

    def __init__(self) -> None:
        self.waiting: dict[int, asyncio.Future[None]] = {}

    async def publish(self, message: Message) -> None:
        self.waiting[message.position] = asyncio.get_running_loop().create_future()
        await self.waiting[message.position]

    async def answer(self, position: int, error: BaseException | None = None) -> None:
        if error:
            self.waiting[position].set_exception(error)
        else:
            self.waiting[position].set_result(None)
        await asyncio.sleep(0.001)


def at(position: int) -> Message:
    return Message(position, Direction.EXIT, wire.EXITED, f"{position}", b"")


async def test_the_publisher_knows_up_to_where_all_is_confirmed():
    broker = Broker()
    confirmed: list[Message] = []
    publisher = ConfirmedPublisher(broker.publish, confirmed.append, first=5)
    assert publisher.through == 4
    publisher.pass_over(5)
    for position in (6, 7, 9):
        await publisher.send(position, at(position))
        if position == 7:
            publisher.pass_over(8)
    await asyncio.sleep(0.001)
    assert publisher.through == 5
    await broker.answer(7)
    assert publisher.through == 5
    await broker.answer(6)
    assert publisher.through == 8
    await broker.answer(9)
    assert (publisher.through, publisher.unconfirmed, len(confirmed)) == (9, 0, 3)


async def test_nothing_is_sent_after_a_failure():
    broker = Broker()
    publisher = ConfirmedPublisher(broker.publish, print, first=1)
    await publisher.send(1, at(1))
    await publisher.send(2, at(2))
    await asyncio.sleep(0.001)
    error = AMQPConnectionError("away")
    await broker.answer(2, error)
    await publisher.send(3, at(3))
    await publisher.drained(0.01)
    assert publisher.failure is error
    assert (sorted(broker.waiting), publisher.through, publisher.unconfirmed) == ([1, 2], 0, 2)


async def test_no_more_are_under_way_than_may_be():
    broker = Broker()
    publisher = ConfirmedPublisher(broker.publish, print, first=1)
    for position in range(1, IN_FLIGHT_MAX + 1):
        await publisher.send(position, at(position))
    more = asyncio.create_task(publisher.send(IN_FLIGHT_MAX + 1, at(IN_FLIGHT_MAX + 1)))
    await asyncio.sleep(0.01)
    assert not more.done()
    await broker.answer(3)
    await more
    await asyncio.sleep(0.001)
    assert IN_FLIGHT_MAX + 1 in broker.waiting
    await publisher.drained(0.01)
