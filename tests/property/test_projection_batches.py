"""Batch borders and the size of the cache never show: a projection in Redis says what one fold in memory says."""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parkstream_eventlog import Record
from parkstream_events.decisions import RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_visits import Fact
from projections import Mall, Truth, record_of
from visits_histories import END, IN, OUT, RULES, START, UNIT, Pass

DAY = 86_400
some = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
numbers = count(1)


@pytest.fixture
def malls(redis_url: str, mall: str) -> Callable[[], Mall]:
    """Makes malls of their own."""
    return lambda: Mall(redis_url, f"{mall}-{next(numbers)}")


passes = st.builds(
    Pass,
    st.integers(0, 120),
    st.sampled_from([IN, OUT]),
    st.integers(0, 99).map(str),
    st.sampled_from(["A1", "B2", "C3", "D4", "E5"]),
)
advances = st.tuples(st.sampled_from(list(Direction)), st.integers(0, 200))
rules = st.sampled_from([1, 4, 30]).map(lambda lateness: lateness * UNIT)
happenings = st.lists(st.one_of(passes, passes, passes, advances, rules, st.just(None)), max_size=30)
later = st.lists(st.tuples(st.integers(1, 4), passes), max_size=4)


def log_of(happened: list[Any], later: list[tuple[int, Pass]]) -> list[Record]:
    """Return a log of it all: *later* things happen days after, so that plates become final and are forgotten."""
    facts = [Fact(1, START, None, None, RULES.changed(0))]
    for position, what in enumerate(happened, 2):
        facts.append(fact_of(position, what))
    day = 0
    for position, (days, seen) in enumerate(later, len(facts) + 1):
        day += days
        moved = Pass(seen.at + day * DAY, seen.way, f"{seen.id}-{position}", seen.plate)
        facts.append(moved.fact(position, END + day * DAY + 200))
    return [_broken(fact) if fact.event is None else record_of(fact) for fact in facts]


def fact_of(position: int, what: Any) -> Fact:
    match what:
        case Pass():
            return what.fact(position)
        case (direction, at):
            event = WatermarkAdvanced(direction, START + at * UNIT, "silence", position - 1)
        case int(lateness_us):
            event = RulesChanged(3 * UNIT, 50 * UNIT, lateness_us, 5 * UNIT, 60 * UNIT, 20_000 * UNIT, position - 1)
        case _:
            event = None
    return Fact(position, START + END * UNIT, None, None, event)


def _broken(fact: Fact) -> Record:
    return Record(fact.position, "vehicle.entered.v1", "broken", b"{", fact.recorded_at_us, None, None)


async def projected(shop: Mall, records: list[Record], borders: set[int], cache: int) -> None:
    projector = shop.projector(cache_plates=cache)
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
    seen = [Pass(n, IN, f"in-{n}", f"CAR{n}") for n in range(40)]
    late = [(4, Pass(n, OUT, f"out-{n}", f"CAR{n % 7}")) for n in range(8)]
    records = log_of(seen, [late[0], *((0, one) for _, one in late[1:])])
    truth = Truth(records)
    assert 0 < len(truth.state.plates) < 40
    asyncio.run(projected(malls(), records, set(range(0, len(records), batch)), 3))
