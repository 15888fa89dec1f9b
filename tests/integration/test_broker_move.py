"""The steps of a move to another RabbitMQ, on two vhosts: each may be interrupted, and both ways end with all there."""

from collections.abc import AsyncIterator
from typing import Any

import aio_pika
import pytest
from aiormq.channel import Channel
from camera_queues import declared, drained, published
from parkstream_events import topology
from parkstream_events.marks import Mark, newest_of
from parkstream_messaging.mark_stream import MarkStream, last_mark
from parkstream_operations.cells.broker_move import Ends, close, prepare, take_over
from parkstream_operations.cells.move import MoveError
from parkstream_service.unreachable import UnreachableError

EVERY, CALLS_MAX = 5, 400
BODIES = [str(number).encode() for number in range(20)]


@pytest.fixture
async def ends(servers, rabbitmq_url: str, mall: str) -> AsyncIterator[Ends]:
    """Where *mall* is, with its mark, and where it goes."""
    await mark_at(await declared(rabbitmq_url), Mark(mall=mall, log_id="log", position=7, since_us=5))
    yield Ends(mall, rabbitmq_url, servers.rabbitmq.add_vhost(mall))
    servers.rabbitmq.delete_vhost(mall)


async def mark_at(url: str, mark: Mark) -> None:
    marks = MarkStream(url)
    await marks.follow()
    await marks.claim(mark)
    await marks.close()


async def go(ends: Ends, *, begun: bool) -> None:
    await prepare(ends, begun=begun)
    await close(ends, lambda _: None)
    await take_over(ends, lambda *_: None)


class Interrupted:
    """Lets one call to RabbitMQ fail: the one with this *number*."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.happened = False
        self._left = number
        for name in ("rpc", "basic_publish"):
            monkeypatch.setattr(Channel, name, self._counting(getattr(Channel, name)))

    def _counting(self, call: Any) -> Any:
        async def counted(*arguments: Any, **options: Any) -> Any:
            self._left -= 1
            if self._left == 0:
                self.happened = True
                raise ConnectionResetError
            return await call(*arguments, **options)

        return counted


async def test_a_move_that_is_interrupted_at_any_call_goes_on_when_it_is_run_again(ends: Ends, monkeypatch):
    there, moves = ends, 0
    for number in range(1, CALLS_MAX, EVERY):
        await published(there.source, BODIES)
        with monkeypatch.context() as patched:
            interrupted = Interrupted(patched, number)
            try:
                await go(there, begun=moves > 0)
            except (UnreachableError, ConnectionResetError):
                assert interrupted.happened
        await go(there, begun=True)
        moves += 1
        source, target = await last_mark(there.source), await last_mark(there.target)
        assert source is not None
        assert target is not None
        assert (source.closed, target.closed, target.position, target.since_us) == (True, False, 7, 5)
        assert await drained(there.source, topology.ENTRIES_QUEUE) == []
        assert {message.body for message in await drained(there.target, topology.ENTRIES_QUEUE)} == {*BODIES}
        with pytest.raises(aio_pika.exceptions.ChannelNotFoundEntity):
            await published(there.source, BODIES)
        if not interrupted.happened:
            break
        there = Ends(ends.mall, there.target, there.source)
    assert not interrupted.happened
    assert moves > 1


async def test_a_mall_does_not_go_where_its_own_mark_names_another_log(ends: Ends):
    await mark_at(ends.target, Mark(mall=ends.mall, log_id="another", position=7, since_us=9))
    with pytest.raises(MoveError, match="the mark of another log"):
        await prepare(ends, begun=False)
    mark = await last_mark(ends.source)
    assert mark is not None
    assert not mark.closed


async def test_a_mall_that_was_moved_away_is_not_moved_from_there_again(ends: Ends):
    await go(ends, begun=False)
    with pytest.raises(MoveError, match="was moved away from"):
        await prepare(ends, begun=False)


def test_marks_agree_on_the_newest_move_whichever_comes_first():
    open_, closed, again = (Mark(mall="m", log_id="log", position=9 - n, since_us=1, moves=n) for n in range(3))
    assert [one.closed for one in (open_, closed, again)] == [False, True, False]
    for one, other, moves in ((open_, closed, 1), (closed, open_, 1), (again, closed, 2), (closed, again, 2)):
        assert newest_of(one, other).moves == moves
