import asyncio
import random

from hypothesis import given
from hypothesis import strategies as st
from parkstream_backend.record.acks import Acks, Window


class Channel:
    def __init__(self) -> None:
        self.is_closed = False
        self.acknowledged: list[int] = []

    async def basic_ack(self, delivery_tag: int, multiple: bool = False, wait: bool = True) -> None:
        if self.is_closed:
            raise ConnectionError
        assert multiple
        self.acknowledged.append(delivery_tag)


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


@given(st.integers(1, 60), st.randoms())
def test_in_whatever_order_they_are_settled_all_are_acknowledged_and_none_too_early(count: int, chance: random.Random):
    window, settled, told = Window(), set[int](), 0
    tags = list(range(1, count + 1))
    chance.shuffle(tags)
    for tag in tags:
        window.settle(tag)
        settled.add(tag)
        if chance.random() < 0.5 and (upto := window.advance()) is not None:
            assert told < upto
            assert settled.issuperset(range(1, upto + 1))
            told = upto
    window.advance()
    assert window.acknowledged == count
