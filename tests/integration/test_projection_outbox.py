"""The outbox: who gets what, what is given again, what is set aside."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from parkstream_devtools.faults import MemoryFull
from parkstream_devtools.redis_functions import load_functions
from parkstream_projection import Entry, Outbox
from projections import HOUR, SECOND, Mall, now_us, project, sighting, untimed
from redis.exceptions import OutOfMemoryError


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    """A mall with ten summaries in its outbox."""
    shop = Mall(redis_url, mall)
    await visit(shop, range(10))
    yield shop
    await shop.close()


async def visit(shop: Mall, numbers: range) -> None:
    """Let a car for each of *numbers* come and go."""
    start = now_us() - HOUR
    for n in numbers:
        at = start + n * SECOND
        await shop.log.append([sighting(0, f"in-{n}", f"CAR{n}", at), sighting(1, f"out-{n}", f"CAR{n}", at + SECOND)])
    await project(shop.projector())


def ids(entries: list[Entry]) -> list[str]:
    return [entry.id for entry in entries]


async def test_each_summary_goes_to_one_consumer_in_the_order_of_the_log(shop: Mall):
    first = await shop.outbox.take("a", 6, 10)
    second = await Outbox(shop.redis, shop.keys).take("b", 100, 10)
    assert ids(first + second) == [id_ for id_, _ in await shop.emitted()]
    assert [untimed(entry.key) for entry in first + second] == [f"exit:out-{n}" for n in range(10)]
    assert await shop.outbox.take("a", 6, 10) == []


async def test_an_entry_carries_the_body_to_post_and_when_its_cause_was_recorded(shop: Mall):
    (entry,) = await shop.outbox.take("a", 1, 10)
    (record,) = await shop.log.read(1, 1)
    assert (entry.id, entry.revision, entry.recorded_at_us) == ("2-0", 1, record.recorded_at_us)
    body = msgspec.json.decode(entry.item)
    assert (untimed(body["visit_id"]), body["outcome"], body["position"]) == ("exit:out-0", "completed", 2)


async def test_a_consumer_that_waits_gets_what_comes(shop: Mall):
    assert len(await shop.outbox.take("a", 100, 10)) == 10
    waiting = asyncio.create_task(shop.outbox.take("a", 100, 30_000))
    await visit(shop, range(20, 21))
    assert [untimed(entry.key) for entry in await waiting] == ["exit:out-20"]


async def test_consumers_of_ended_processes_are_forgotten_unless_they_hold_something(shop: Mall):
    (kept,) = await shop.outbox.take("holds", 1, 10)
    await shop.outbox.settle(ids(await shop.outbox.take("ended", 100, 10)))
    assert await shop.outbox.forget_consumers(60_000) == 0
    assert await shop.outbox.forget_consumers(0) == 1
    left = await shop.redis.xinfo_consumers(shop.keys.outbox, "deliver")
    assert [one["name"] for one in left] == [b"holds"]
    assert await shop.outbox.claim("next", 0, 100) == [kept]
    await shop.outbox.settle([kept.id])
    assert await shop.outbox.forget_consumers(0) == 2


async def test_what_frees_memory_is_done_though_redis_is_full(redis_server, mall: str):
    shop = Mall(redis_server.url, mall)
    await visit(shop, range(10))
    kept, refused, *_ = await shop.outbox.take("a", 100, 10)
    number = await shop.versions.begin()
    with MemoryFull(redis_server):
        with pytest.raises(OutOfMemoryError):
            await shop.log.append([sighting(0, "more", "MORE", now_us())])
        assert await shop.outbox.settle([kept.id]) == 1
        assert await shop.outbox.park(refused, "conflict: another")
        assert await shop.outbox.forget_consumers(0) == 0
        await shop.versions.drop(number)
        load_functions(redis_server.url)
    assert await shop.outbox.depth() == 8
    assert await shop.outbox.parked() == 1
    await shop.close()


async def test_what_is_settled_is_gone_and_counted_once(shop: Mall):
    entries = await shop.outbox.take("a", 100, 10)
    assert await shop.outbox.settle(ids(entries)) == 10
    assert await shop.outbox.settle(ids(entries)) == 0
    assert await shop.outbox.settle([]) == 0
    assert await shop.outbox.depth() == 0
    assert await shop.outbox.claim("b", 0, 100) == []
    assert (await shop.redis.xpending(shop.keys.outbox, "deliver"))["pending"] == 0
    meta = await shop.redis.hgetall(shop.keys.outbox_meta)
    assert (meta[b"emitted"], meta[b"delivered"]) == (b"10", b"10")


async def test_what_a_dead_consumer_has_left_is_claimed_when_it_is_idle(shop: Mall):
    taken = await shop.outbox.take("dead", 4, 10)
    assert await shop.outbox.claim("claimer", 60_000, 100) == []
    assert await shop.outbox.claim("claimer", 0, 100) == taken
    await shop.outbox.settle(ids(taken))
    assert await shop.outbox.claim("claimer", 0, 100) == []
    assert await shop.outbox.depth() == 6


async def test_claims_go_through_all_that_is_pending(shop: Mall):
    taken = await shop.outbox.take("dead", 10, 10)
    claimed: list[Entry] = []
    for _ in range(5):
        claimed += await shop.outbox.claim("claimer", 0, 2)
    assert claimed == taken


async def test_the_age_is_that_of_the_oldest_that_waits(shop: Mall):
    assert 0 < await shop.outbox.age_seconds() < 60
    await shop.outbox.settle(ids(await shop.outbox.take("a", 100, 10)))
    assert await shop.outbox.age_seconds() == 0


async def test_what_was_refused_is_parked_with_its_problem(shop: Mall):
    first, second = await shop.outbox.take("a", 2, 10)
    assert await shop.outbox.park(second, "invalid: no such gate")
    assert not await shop.outbox.park(second, "again")
    assert (await shop.outbox.parked(), await shop.outbox.depth()) == (1, 9)
    _, (parked,) = await shop.outbox.parked_items()
    assert (parked.id, parked.key, parked.revision) == (second.id, second.key, 1)
    assert (parked.problem, bytes(parked.item)) == ("invalid: no such gate", second.item)
    await shop.outbox.settle([first.id])
    assert not await shop.outbox.park(first, "too late")


async def test_an_item_keeps_the_trace_that_it_goes_on_with(shop: Mall):
    trace, at = f"00-{'a' * 32}-{'b' * 16}-01", now_us()
    await shop.log.append(
        [sighting(0, "traced-in", "TRACED", at), sighting(1, "traced-out", "TRACED", at)._replace(traceparent=trace)]
    )
    await project(shop.projector())
    *_, entry = await shop.outbox.take("a", 100, 10)
    assert (untimed(entry.key), entry.traceparent) == ("exit:traced-out", trace)
    await shop.outbox.park(entry, "conflict")
    await shop.outbox.redrive()
    (again,) = await shop.outbox.take("a", 100, 10)
    assert (again.traceparent, again.item) == (trace, entry.item)
    assert msgspec.json.decode(again.item)["traceparent"] is None


async def test_what_was_parked_is_delivered_again_when_it_is_redriven(shop: Mall):
    taken = await shop.outbox.take("a", 3, 10)
    for entry in taken:
        await shop.outbox.park(entry, "conflict")
    assert await shop.outbox.redrive([taken[1].id, "unknown"]) == 1
    assert await shop.outbox.redrive([]) == 0
    assert await shop.outbox.redrive() == 2
    assert (await shop.outbox.parked(), await shop.outbox.redrive()) == (0, 0)
    again = (await shop.outbox.take("a", 100, 10))[-3:]
    assert again[0].item == taken[1].item
    assert {entry.item for entry in again[1:]} == {taken[0].item, taken[2].item}


async def test_the_log_goes_on_after_a_redrive(shop: Mall):
    (entry,) = await shop.outbox.take("a", 1, 10)
    await shop.outbox.park(entry, "conflict")
    await shop.outbox.redrive()
    await visit(shop, range(30, 31))
    emitted = [untimed(item.visit_id) for _, item in await shop.emitted()]
    assert emitted == [*(f"exit:out-{n}" for n in range(1, 10)), "exit:out-0", "exit:out-30"]


async def test_the_group_is_there_again_after_the_outbox_was_deleted(shop: Mall):
    await shop.outbox.take("a", 1, 10)
    await shop.redis.delete(shop.keys.outbox)
    assert await shop.outbox.claim("a", 0, 1) == []
    await visit(shop, range(40, 41))
    assert [untimed(entry.key) for entry in await shop.outbox.take("a", 10, 10)] == ["exit:out-40"]


async def test_an_outbox_that_was_delivered_takes_no_more_memory_than_an_empty_one(shop: Mall):
    await shop.outbox.settle(ids(await shop.outbox.take("a", 100, 10)))
    before = await shop.redis.memory_usage(shop.keys.outbox)
    for start in range(100, 300, 50):
        await visit(shop, range(start, start + 50))
        await shop.outbox.settle(ids(await shop.outbox.take("a", 100, 10)))
    assert await shop.redis.memory_usage(shop.keys.outbox) <= before + 1_000
