"""However many look, one looks at a time, and a failure is an answer, too."""

import asyncio

import pytest
from parkstream_console.live.shared_answer import LateError, SharedAnswer


class Server:
    """Answers how often it was asked, or fails, once it may."""

    def __init__(self, *, fails: bool = False) -> None:
        self.asked = 0
        self.fails = fails
        self.may_answer = asyncio.Event()

    async def __call__(self) -> int:
        self.asked += 1
        await self.may_answer.wait()
        if self.fails:
            raise TimeoutError
        return self.asked


async def many(shared, count=20):
    """Let *count* ask at once; return their tasks when all of them wait."""
    tasks = [asyncio.create_task(shared()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_all_who_ask_meanwhile_share_one_answer():
    server = Server()
    tasks = await many(SharedAnswer(server, 60.0))
    server.may_answer.set()
    assert await asyncio.gather(*tasks) == [1] * 20


async def test_nobody_waits_behind_others_for_a_server_that_is_away():
    server = Server(fails=True)
    shared = SharedAnswer(server, 60.0)
    tasks = await many(shared)
    server.may_answer.set()
    assert {type(one) for one in await asyncio.gather(*tasks, return_exceptions=True)} == {TimeoutError}
    with pytest.raises(TimeoutError):
        await shared()
    assert server.asked == 1


async def test_an_old_answer_is_asked_for_anew():
    server = Server()
    server.may_answer.set()
    shared = SharedAnswer(server, -1.0)
    assert [await shared(), await shared()] == [1, 2]


async def test_who_changed_something_sees_it_also_while_others_still_look():
    server = Server()
    shared = SharedAnswer(server, 60.0)
    (before,) = await many(shared, 1)
    shared.forget()
    (after,) = await many(shared, 1)
    shared.forget()
    server.may_answer.set()
    await asyncio.gather(before, after)
    assert server.asked == 2


async def test_who_leaves_ends_nothing_for_the_others():
    server = Server()
    tasks = await many(SharedAnswer(server, 60.0), 2)
    tasks[0].cancel()
    server.may_answer.set()
    assert await tasks[1] == 1


async def test_nobody_waits_for_long_and_what_comes_late_is_there_for_the_next():
    server = Server()
    shared = SharedAnswer(server, 60.0, 0.01)
    with pytest.raises(LateError):
        await shared()
    server.may_answer.set()
    await asyncio.wait(shared._running)
    assert (await shared(), server.asked) == (1, 1)


async def test_it_ends_with_the_console():
    server = Server()
    shared = SharedAnswer(server, 60.0)
    (task,) = await many(shared, 1)
    await shared.stop()
    with pytest.raises(asyncio.CancelledError):
        await task
