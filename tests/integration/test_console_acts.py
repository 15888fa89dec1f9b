"""Acts on a real log: each is in the log before it is done, one at a time."""

import asyncio

import aio_pika
import pytest
from parkstream_console.acts import letters
from parkstream_console.acts.desk import BusyError, Desk
from parkstream_console.acts.summaries import RedriveParked
from parkstream_console.acts.versions import MakeLive
from parkstream_console.acts.work import ImpossibleError, Preview
from parkstream_events import topology
from parkstream_messaging.connection import make_broker
from parkstream_messaging.nodes import user_of
from parkstream_messaging.topology import declare
from parkstream_operations.acts import last_acts
from parkstream_operations.written_log import opened_on
from parkstream_projection.rebuild import Source
from parkstream_service.redis import connect
from projections import now_us, project, sighting


class Errand:
    """Work that waits until it may, then fails or not."""

    key = ("errand", "")
    title = did = "ran an errand"
    is_slow = False

    def __init__(self, it, problem=""):
        self._it = it
        self._problem = problem
        self.may_end = asyncio.Event()
        self.acts_before = None

    async def look(self, reached):
        return Preview(says="one", count=1, about=["it"])

    async def do(self, it, why, reached):
        self.acts_before = [one.act.what for one in await last_acts(it)]
        await self.may_end.wait()
        if self._problem:
            raise ImpossibleError(self._problem)
        return f"done because {why}"


@pytest.fixture
async def it(shop, redis_url):
    redis = connect(redis_url)
    opened = opened_on(redis, shop.keys.mall, None)
    await opened.log.create()
    yield opened
    await redis.aclose()


@pytest.fixture
async def desk(it):
    surprises = []

    async def opened_to_write():
        return it

    desk = Desk(opened_to_write, surprises.append)
    yield desk
    await desk.stop()
    assert surprises == []


async def seen(work):
    return await work.look(lambda _, __: None)


async def ended(job):
    while not job.ended:
        await asyncio.sleep(0.01)
    return job


async def test_an_act_is_in_the_log_before_it_is_done_also_when_it_fails(desk, it):
    work = Errand(it, "nobody opens")
    work.may_end.set()
    job = await ended(await desk.act("otto", "it was due", work, await seen(work)))
    assert work.acts_before == ["ran an errand"]
    assert job.problem == "nobody opens"
    assert desk.outcome(job.position) is job


async def test_one_is_done_at_a_time(desk, it):
    first, second = Errand(it), Errand(it)
    at_work = asyncio.create_task(desk.act("otto", "it was due", first, await seen(first)))
    while desk.job is None:
        await asyncio.sleep(0.01)
    with pytest.raises(BusyError):
        await desk.act("anna", "mine too", second, await seen(second))
    first.may_end.set()
    assert (await ended(await at_work)).came_of_it == "done because it was due"
    assert [one.act.who for one in await last_acts(it)] == ["otto"]


async def test_of_many_dead_letters_the_first_are_looked_at_and_sent_and_the_rest_is_named(rabbitmq_url, monkeypatch):
    monkeypatch.setattr(letters, "LETTERS_MAX", 2)
    user = user_of(rabbitmq_url)
    broker = make_broker(rabbitmq_url)
    await broker.connect()
    await declare(broker)
    async with await aio_pika.connect(rabbitmq_url) as connection:
        channel = await connection.channel()
        headers = {topology.REASON_HEADER: "unknown_type", topology.ORIGINAL_QUEUE_HEADER: topology.ENTRIES_QUEUE}
        for number in range(3):
            letter = aio_pika.Message(b"{}", message_id=str(number), user_id=user, headers=headers)
            await channel.default_exchange.publish(letter, topology.DEAD_LETTERS_QUEUE)
    work = letters.RedriveLetters(rabbitmq_url, {user}, "unknown_type")
    assert work.is_slow
    preview = await seen(work)
    assert (preview.count, preview.about) == (2, ["0", "1"])
    assert "1 more were not looked at" in preview.notes[0]
    assert (await work.do(None, "", lambda _, __: None)).startswith("2 were sent to the backend again, 0 stay; 1 more")
    await broker.stop()


async def test_parked_summaries_are_delivered_again_by_problem(desk, shop, it):
    at_us = now_us()
    await shop.log.append([sighting(way, f"{way}-{car}", car, at_us + way) for car in ("A1", "B2") for way in (0, 1)])
    await project(shop.projector(), 10)
    for entry, problem in zip(await it.outbox.take("me", 10, 1), ("conflict: it is there", "invalid: no"), strict=True):
        await it.outbox.park(entry, problem)
    work = RedriveParked(it, "conflict")
    preview = await seen(work)
    assert (preview.count, [name.partition("@")[0] for name in preview.about]) == (1, ["exit:1-A1"])
    await ended(await desk.act("otto", "the file was mended", work, preview))
    assert [one.problem async for one in it.outbox.every_parked()] == ["invalid: no"]
    assert await it.outbox.depth() == 1


async def test_another_version_is_compared_then_made_live_and_the_way_back_is_open(desk, shop, it, parkstream):
    at_us = now_us()
    await shop.log.append([sighting(way, f"{way}-A1", "A1", at_us + way) for way in (0, 1)])
    await project(shop.projector(), 10)
    assert parkstream("replay", "--json").object["hash_equal"]
    source = Source(shop.url, shop.keys.mall)

    async def opened_to_write():
        return it

    for number, is_back in ((2, False), (1, True)):
        work = MakeLive(opened_to_write, source, number, is_back)
        assert "no visit differs" in (await ended(await desk.look("otto", work))).came_of_it
        await ended(await desk.act("otto", "it is time", work, desk.preview(work)))
        assert await shop.versions.live() == number
