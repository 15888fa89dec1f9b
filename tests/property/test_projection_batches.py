"""Batch borders and the size of the cache never show: a projection in Redis says what one fold in memory says."""

import asyncio
from collections.abc import Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from log_histories import EVERY, happenings, later, log_of
from parkstream_eventlog import Record
from projections import Mall, Truth
from visits_histories import IN, OUT, Pass

some = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
numbers = count(1)


@pytest.fixture
def malls(redis_url: str, mall: str) -> Callable[[], Mall]:
    """Makes malls of their own."""
    return lambda: Mall(redis_url, f"{mall}-{next(numbers)}")


async def projected(shop: Mall, records: list[Record], borders: set[int], cache: int) -> None:
    await shop.log.create()
    await shop.redis.hset(shop.keys.log_meta, "position", len(records))
    projector = shop.projector(cache_entities=cache)
    await projector.load()
    start = 0
    for border in [*sorted(borders), len(records)]:
        await projector.step(records[start:border])
        start = max(start, border)
    await shop.holds(Truth(records))
    assert projector.state_hash == Truth(records).hash
    for key in await shop.kept():
        await shop.redis.delete(key)
    await shop.close()


@some
@given(happened=happenings, later=later, cache=st.integers(0, 3), borders=st.sets(st.integers(0, 34)))
def test_any_batches_and_any_cache_give_what_one_fold_gives(malls, happened, later, cache, borders):
    records = log_of(happened, later)
    asyncio.run(projected(malls(), records, {border for border in borders if border <= len(records)}, cache))


@pytest.mark.parametrize("batch", [1, 2, 5, 60])
def test_many_plates_that_become_final_at_once_are_forgotten_a_few_per_record(malls, batch):
    seen = [*(Pass(n, IN, f"in-{n}", f"CAR{n}") for n in range(40)), ("silence", EVERY, 0)]
    late = [(4, Pass(n, OUT, f"out-{n}", f"CAR{n % 7}")) for n in range(8)]
    records = log_of(seen, [late[0], *((0, one) for _, one in late[1:])])
    truth = Truth(records)
    assert 0 < len(truth.state.plates) < 40
    asyncio.run(projected(malls(), records, set(range(0, len(records), batch)), 3))
