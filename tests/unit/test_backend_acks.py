import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st
from parkstream_backend.record.acks import Acks, Due, Window


class Channel:
    def __init__(self) -> None:
        self.is_closed = False
        self.acknowledged: list[int] = []
        self.singly: list[int] = []
        self.returned: list[int] = []

    async def basic_ack(self, delivery_tag: int, multiple: bool = False, wait: bool = True) -> None:
        if self.is_closed:
            raise ConnectionError
        if multiple:
            self.acknowledged.append(delivery_tag)
        else:
            self.singly.append(delivery_tag)

    async def basic_nack(self, delivery_tag: int, wait: bool = True) -> None:
        if self.is_closed:
            raise ConnectionError
        self.returned.append(delivery_tag)


async def turns(count: int = 3) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_what_is_settled_in_one_turn_is_acknowledged_at_once():
    acks, channel = Acks(), Channel()
    for tag in (1, 2, 3):
        acks.settle(channel, tag)
    await turns()
    assert channel.acknowledged == [3]


async def test_a_delivery_behind_an_open_one_waits_for_it():
    acks, channel = Acks(), Channel()
    acks.settle(channel, 2)
    await turns()
    assert channel.acknowledged == []
    acks.settle(channel, 1)
    await turns()
    assert channel.acknowledged == [2]


async def test_a_delivery_that_never_reached_us_is_never_acknowledged_by_a_later_one():
    acks, channel = Acks(), Channel()
    for tag in (1, 2, 4, 5):  # 3 was delivered, but nobody was told.
        acks.settle(channel, tag)
    await turns()
    assert channel.acknowledged == [2]


async def test_channels_count_on_their_own():
    acks, one, other = Acks(), Channel(), Channel()
    acks.settle(one, 1)
    acks.settle(other, 1)
    acks.settle(other, 2)
    await turns()
    assert (one.acknowledged, other.acknowledged) == ([1], [2])


async def test_a_window_dies_with_its_channel():
    acks, dead, alive = Acks(), Channel(), Channel()
    acks.settle(dead, 2)
    await turns()
    dead.is_closed = True
    acks.settle(dead, 1)
    await turns()
    assert (acks.channels, dead.acknowledged) == (0, [])
    acks.settle(alive, 1)
    await turns()
    assert (acks.channels, alive.acknowledged) == (1, [1])


async def test_a_channel_that_dies_between_settling_and_telling_is_no_error():
    acks, channel = Acks(), Channel()
    acks.settle(channel, 1)
    channel.is_closed = True
    await turns()
    assert (acks.channels, channel.acknowledged) == (0, [])


async def test_those_behind_one_that_is_held_are_acknowledged_one_by_one_and_then_in_ranges_again():
    acks, channel = Acks(), Channel()
    acks.settle(channel, 1)
    acks.hold(channel, 2)
    for tag in (3, 4):
        acks.settle(channel, tag)
    await turns()
    assert (channel.acknowledged, channel.singly) == ([1], [3, 4])
    acks.settle(channel, 2)
    for tag in (5, 6):
        acks.settle(channel, tag)
    await turns()
    assert (channel.acknowledged, channel.singly) == ([1, 6], [3, 4, 2])


async def test_a_delivery_that_never_reached_us_is_not_passed_by_one_that_is_held():
    acks, channel = Acks(), Channel()
    acks.hold(channel, 1)
    for tag in (2, 4, 5):
        acks.settle(channel, tag)
    await turns()
    assert (channel.acknowledged, channel.singly) == ([], [2])


async def test_one_that_goes_back_to_its_queue_is_never_acknowledged():
    acks, channel = Acks(), Channel()
    acks.hold(channel, 1)
    acks.hold(channel, 4)
    await turns()
    for tag in (1, 4):  # One of them was passed, the other not yet: 2 is still open.
        await acks.give_back(channel, tag)
    for tag in (3, 5, 2):
        acks.settle(channel, tag)
    await turns()
    assert (channel.returned, channel.acknowledged, channel.singly) == ([1, 4], [5], [])


async def test_one_that_would_go_back_when_its_channel_dies_goes_back_with_it():
    acks, channel = Acks(), Channel()
    acks.hold(channel, 1)
    await turns()
    acks.settle(channel, 3)
    giving_back = acks.give_back(channel, 1)
    channel.is_closed = True
    await giving_back
    assert (acks.channels, channel.returned) == (0, [])


class Broker:
    """Numbers deliveries and closes the channel, as RabbitMQ does, for a tag that is not outstanding."""

    def __init__(self, count: int) -> None:
        self.outstanding = set(range(1, count + 1))

    def acknowledge(self, due: Due, may_be: set[int]) -> None:
        for tag in due.single:
            assert tag in self.outstanding & may_be
            self.outstanding.remove(tag)
        if due.upto is not None:
            assert due.upto in self.outstanding
            acknowledged = {tag for tag in self.outstanding if tag <= due.upto}
            assert acknowledged <= may_be
            self.outstanding -= acknowledged


@given(st.integers(1, 60), st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)), st.randoms())
def test_in_whatever_order_they_are_settled_all_are_acknowledged_once_and_none_too_early(
    count: int, held: set[int], returned: set[int], chance: random.Random
):
    window, broker, settled = Window(), Broker(count), set[int]()
    tags, late = list(range(1, count + 1)), {tag for tag in held if tag <= count}
    chance.shuffle(tags)
    steps = [(tag, tag in late) for tag in tags] + [(tag, False) for tag in sorted(late)]
    for tag, is_held in steps:
        if is_held:
            window.hold(tag)
        elif tag in late & returned:
            broker.outstanding.remove(tag)
            window.give_back(tag)
        else:
            window.settle(tag)
            settled.add(tag)
        if chance.random() < 0.5:
            broker.acknowledge(window.advance(), settled)
    broker.acknowledge(window.advance(), settled)
    assert window.reached == count
    assert broker.outstanding == set()


@given(st.integers(2, 60), st.data())
def test_whatever_is_held_keeps_nothing_else_waiting(count: int, data: st.DataObject):
    held = data.draw(st.sets(st.integers(1, count)))
    window, broker = Window(), Broker(count)
    for tag in held:
        window.hold(tag)
    for tag in data.draw(st.permutations([tag for tag in range(1, count + 1) if tag not in held])):
        window.settle(tag)
    broker.acknowledge(window.advance(), set(range(1, count + 1)) - held)
    assert broker.outstanding == held
