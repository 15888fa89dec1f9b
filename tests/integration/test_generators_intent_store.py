"""The intent_store and the parked_cars in a real Redis: nothing is forgotten, nothing counted twice."""

import asyncio

import pytest
from parkstream_events.keys import Database, ExitGeneratorKeys
from parkstream_generators.intent_store import IntentStore
from parkstream_generators.intents import Account, Car, Intent, SightingKind
from parkstream_generators.parked_cars import ParkedCars
from parkstream_generators.redis_store import StaleGeneratorError, Store
from parkstream_service.redis import connect
from redis.exceptions import ConnectionError as RedisConnectionError

SEED = 3


def intent(number, kind=SightingKind.MATCHED, **more):
    return Intent(id=f"id-{number}", kind=kind, body=f'{{"n":{number}}}', **more)


def car(number):
    return Car(f"entry-{number}", f"ABC{number:04}", number, "00-t-s-01")


@pytest.fixture
async def store(redis_url):
    store = Store(connect(redis_url, Database.EXIT_GENERATOR, name="test"), lambda *_: None)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def keys(mall):
    return ExitGeneratorKeys(mall)


@pytest.fixture
async def intent_store(store, keys):
    intent_store = IntentStore(store, keys)
    assert await intent_store.open(SEED) == []
    return intent_store


@pytest.fixture
def parked_cars(store, keys):
    return ParkedCars(store, keys, lambda: None)


async def reopened(store, keys):
    intent_store = IntentStore(store, keys)
    return intent_store, await intent_store.open(SEED + 1)


async def test_intents_outlive_the_process_word_for_word(store, keys, intent_store):
    meant = [intent(1, linked_traceparent="00-t-s-01"), intent(2, SightingKind.UNMATCHED, copies=2, publish_at_us=5)]
    await intent_store.intend(meant, made=2)

    again, unfinished = await reopened(store, keys)
    assert sorted(unfinished, key=lambda one: one.id) == meant
    assert (again.made, again.seed) == (2, SEED)


async def test_a_confirmed_intent_is_counted_once_and_forgotten(store, keys, intent_store):
    meant = [intent(1), intent(2, SightingKind.UNMATCHED), intent(3, SightingKind.MISREAD, copies=2)]
    await intent_store.intend(meant, made=2, counts={"missed": 4})
    await intent_store.settle(meant[:2])
    await intent_store.settle(meant)

    assert await intent_store.account() == Account(
        step=1, made=2, seed=SEED, published=3, matched=1, unmatched=1, misread=1, missed=4, duplicates=1
    )
    assert (await reopened(store, keys))[1] == []


async def test_a_call_whose_answer_was_lost_may_be_repeated(store, keys, intent_store):
    lost = IntentStore(store, keys)
    await lost.open(SEED)
    await intent_store.intend([intent(1)], made=1, counts={"dropped": 2})
    await lost.intend([intent(1)], made=1, counts={"dropped": 2})

    account = await intent_store.account()
    assert (account.step, account.made, account.dropped) == (1, 1, 2)


async def test_a_second_generator_is_stopped(store, keys, intent_store):
    await intent_store.intend([intent(1)], made=1)
    await intent_store.intend([intent(2)], made=2)
    other = IntentStore(store, keys)

    with pytest.raises(StaleGeneratorError, match="another generator"):
        await other.intend([intent(3)], made=3)


async def test_a_redis_that_forgot_the_last_steps_ends_no_generator(store, keys, intent_store):
    """As a replica that became the primary does."""
    await intent_store.intend([intent(1)], made=1)
    forgotten = await store.hash(keys.account)
    await intent_store.intend([intent(2)], made=2)
    await intent_store.intend([intent(3)], made=3)
    await store._redis.hset(keys.account, mapping=forgotten)

    await intent_store.intend([intent(4)], made=4)
    await intent_store.intend([intent(5)], made=5)

    account = await intent_store.account()
    assert (account.step, account.made) == (3, 5)


async def test_who_is_due_leaves_in_order_and_only_once(store, keys, intent_store, parked_cars):
    await parked_cars.park([(car(n), 1_000 - n) for n in range(5)])
    assert await parked_cars.due(996, 10) == ([car(4)], 996)
    assert await parked_cars.due(1_000, 3) == ([car(4), car(3), car(2)], 996)

    await intent_store.intend([intent(1)], made=1, leaving=["entry-4@4", "entry-3@3"], now_us=7)

    assert await parked_cars.due(1_000, 9) == ([car(2), car(1), car(0)], 998)
    assert await parked_cars.count() == 3
    assert [one.id for one in (await reopened(store, keys))[1]] == ["id-1"]


async def test_an_entry_delivered_again_parks_nobody_twice(intent_store, parked_cars):
    await parked_cars.park([(car(1), 10)])
    await parked_cars.park([(car(1), 99)])
    assert await parked_cars.due(10, 9) == ([car(1)], 10)

    await intent_store.intend([intent(1)], made=1, leaving=["entry-1@1"], now_us=7)
    await parked_cars.park([(car(1), 10)])

    assert await parked_cars.due(2**50, 9) == ([], None)


async def test_what_left_is_remembered_within_bounds(store, keys, intent_store, parked_cars, redis_url):
    redis = connect(redis_url, Database.EXIT_GENERATOR, name="test")
    await redis.zadd(keys.left, {f"old-{n}": n for n in range(200_000)})
    await parked_cars.park([(car(1), 10)])
    await intent_store.intend([], made=0, leaving=["entry-1@1"], now_us=10**9)

    assert await redis.zcard(keys.left) == 200_000
    assert await redis.zscore(keys.left, "entry-1@1") == 10**9
    await redis.delete(keys.left)
    await redis.aclose()


async def test_times_keep_their_microseconds(parked_cars):
    due_us = 1_795_000_000_123_457
    await parked_cars.park([(car(1), due_us)])

    assert await parked_cars.due(due_us - 1, 9) == ([], due_us)
    assert await parked_cars.due(due_us, 9) == ([car(1)], due_us)


async def test_a_call_waits_until_redis_is_back(redis_server, mall):
    retries = []

    def come_back(error):
        retries.append(error)
        if len(retries) == 2:
            redis_server.start()

    store = Store(connect(redis_server.url, Database.EXIT_GENERATOR, name="test"), come_back)
    keys = ExitGeneratorKeys(mall)
    await store.open()
    intent_store = IntentStore(store, keys)
    await intent_store.open(SEED)
    await intent_store.intend([intent(1)], made=1)
    redis_server.kill()
    assert await store.problem()

    await intent_store.intend([intent(2)], made=2)

    assert isinstance(retries[0], RedisConnectionError)
    assert sorted(one.id for one in (await reopened(store, keys))[1]) == ["id-1", "id-2"]
    await store.close()


async def test_a_cancelled_call_never_goes_on_as_if_nothing_had_been(intent_store):
    async def settle_for_ever():
        while True:
            await intent_store.settle([])

    for number in range(200):
        task = asyncio.create_task(settle_for_ever())
        await asyncio.sleep(number / 50_000)
        task.cancel()
        _, running = await asyncio.wait([task], timeout=60)
        assert not running, "redis-py lost the cancellation"
