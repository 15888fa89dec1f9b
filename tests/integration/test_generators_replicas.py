"""Where Redis has replicas they have what a camera means and counts, too: a failover forgets none of it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack

import pytest
from parkstream_devtools.faults import Frozen
from parkstream_events.keys import Database, ExitGeneratorKeys
from parkstream_generators.intent_store import IntentStore
from parkstream_generators.intents import Account, Car, Intent, SightingKind
from parkstream_generators.parked_cars import ParkedCars
from parkstream_generators.redis_store import Store
from parkstream_service.redis import Replicas, connect, replicas

LOOKS = 20
"""At the primary, once it has it; by then who had not to wait for replicas would be done."""
INTENT = Intent(id="1", kind=SightingKind.MATCHED, body="{}")


@pytest.fixture
async def store_at(mall: str) -> AsyncIterator[Callable[[str], Store]]:
    async with AsyncExitStack() as ending:

        def store_at(url: str) -> Store:
            client = connect(url, Database.EXIT_GENERATOR, name="test")
            ending.push_async_callback(client.aclose)
            return Store(client, lambda *_: None, Replicas(client, 2, ExitGeneratorKeys(mall).replicated))

        yield store_at


async def test_what_a_camera_means_parks_and_counts_is_on_replicas_first(replicated_redis, store_at, mall, monkeypatch):
    monkeypatch.setattr(replicas, "PATIENCE_SECONDS", 600.0)
    keys, store = ExitGeneratorKeys(mall), store_at(replicated_redis.url)
    intents, parked = IntentStore(store, keys), ParkedCars(store, keys, lambda: None)
    await intents.open(3)

    async def waits(call: Awaitable[None], there: Callable[[Account, int], bool]) -> None:
        with ExitStack() as frozen:
            for node in replicated_redis.replicas():
                frozen.enter_context(Frozen(node))
            task = asyncio.ensure_future(call)
            while not there(await intents.account(), await parked.count()):
                pass
            for _ in range(LOOKS):
                await intents.account()
            assert not task.done()
        await task

    await waits(parked.park([(Car("1", "ABC0001", 1), 7)]), lambda _, inside: inside == 1)
    await waits(intents.intend([INTENT], made=1, leaving=["1@1"], now_us=7), lambda account, _: account.step == 1)
    await waits(intents.settle([INTENT]), lambda account, _: account.matched == 1)
    await waits(intents.settle([INTENT]), lambda *_: True)  # Again, since the answer was lost: it was not yet there.
    accounts = [await IntentStore(store_at(node.url), keys).account() for node in replicated_redis.nodes]
    assert accounts == [accounts[0]] * len(replicated_redis.nodes)
