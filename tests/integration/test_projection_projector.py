"""The projection against a fold of the log in memory: races, stale projectors, other versions, wrong arguments."""

import asyncio
from typing import Any

import pytest
from parkstream_devtools.redis_functions import load_functions
from parkstream_events import wire
from parkstream_projection import NotLoadedError, OtherRulesError, SkippedError, StaleError, store
from parkstream_projection import projector as projector_module
from parkstream_projection.visits import VISITS
from parkstream_service.redis import LibraryMissingError, is_transient
from parkstream_visits import RULES_VERSION, Rules
from projections import HOUR, SECOND, Mall, Process, day_of_traffic, now_us, project, sighting
from redis.exceptions import ResponseError


@pytest.fixture
async def busy(shop: Mall) -> Mall:
    """A mall with a log that nobody has projected."""
    await shop.log.append(day_of_traffic(300, now_us() - HOUR))
    return shop


@pytest.mark.parametrize("batch", [1, 7, 1_000])
async def test_the_live_state_is_that_of_a_fold_in_memory(busy: Mall, batch: int):
    await project(busy.projector(), batch)
    await busy.holds(await busy.truth())


async def test_a_projector_goes_on_where_another_stopped(busy: Mall):
    first, second = busy.projector(), busy.projector(cache_entities=0)
    await first.load()
    await first.step(await busy.log.read(0, 123))
    await project(second, 50)
    assert second.state_hash == (await busy.truth()).hash
    await busy.holds(await busy.truth())


async def take_turns(projector: Process, batch: int) -> int:
    """Project to the end of the log against others, and return how often another was first."""
    overtaken = 0
    while True:
        try:
            await project(projector, batch)
        except StaleError:
            overtaken += 1
            await asyncio.sleep(0)
        else:
            return overtaken


async def test_projectors_that_race_give_the_state_and_outbox_of_one(busy: Mall):
    overtaken = await asyncio.gather(*(take_turns(busy.projector(), batch) for batch in (3, 5, 8)))
    assert sum(overtaken) > 0
    await busy.holds(await busy.truth())


async def test_a_stale_projector_that_wakes_up_changes_nothing_and_goes_on_after_a_load(busy: Mall):
    sleeper = busy.projector()
    await sleeper.load()
    await sleeper.step(await busy.log.read(0, 10))
    await project(busy.projector())
    before = await busy.kept()
    with pytest.raises(StaleError):
        await sleeper.step(await busy.log.read(10, 10))
    assert await busy.kept() == before
    with pytest.raises(NotLoadedError):
        await sleeper.step([])
    await busy.log.append([sighting(1, "one-more", "CAR1", now_us())])
    await project(sleeper)
    await busy.holds(await busy.truth())


async def test_a_projector_overtaken_between_its_load_and_its_commit_changes_nothing(
    busy: Mall, monkeypatch: pytest.MonkeyPatch
):
    slow, commit = busy.projector(), store.Store.commit

    async def commit_after_another(self: store.Store, *fence_and_change: Any) -> int:
        monkeypatch.setattr(store.Store, "commit", commit)
        await project(busy.projector())
        return await commit(self, *fence_and_change)

    await slow.load()
    monkeypatch.setattr(store.Store, "commit", commit_after_another)
    with pytest.raises(StaleError):
        await slow.step(await busy.log.read(0, 10))
    await busy.holds(await busy.truth())


async def test_records_that_do_not_come_next_are_refused(busy: Mall):
    projector = busy.projector()
    await projector.load()
    with pytest.raises(SkippedError):
        await projector.step(await busy.log.read(1, 10))
    await project(projector)
    await busy.holds(await busy.truth())


async def test_the_hash_is_kept_at_each_such_position_whatever_the_batches(busy: Mall, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(store, "HASH_EVERY", 64)
    monkeypatch.setattr(projector_module, "HASH_EVERY", 64)
    await project(busy.projector(), 150)
    records = await busy.records()
    kept = await busy.redis.hgetall(busy.keys.projection(1, "hashes"))
    assert {int(position) for position in kept} == set(range(64, len(records) + 1, 64))
    for position in (64, 128):
        assert await busy.reads.hash_at(position) == type(await busy.truth())(records[:position]).hash
    assert await busy.reads.hash_at(65) is None


async def test_a_record_that_cannot_be_read_is_listed_and_blocks_nothing(busy: Mall):
    broken = sighting(0, "broken", "CAR1", now_us())._replace(body=b'{"id": "broken"}')
    await busy.log.append([broken, sighting(1, "after", "NEW", now_us())])
    await project(busy.projector())
    truth = await busy.truth()
    assert truth.state.clock.counters.unreadable == 1
    assert (await busy.reads.state()).clock.unreadable == truth.state.clock.unreadable
    await busy.holds(truth)


async def test_one_record_may_release_thousands_of_visits(shop: Mall):
    start = now_us() - HOUR
    exits = [sighting(1, f"out-{n}", f"CAR{n}", start + n) for n in range(3_000)]
    far = start + 10 * SECOND
    await shop.log.append([*exits, sighting(1, "far", "FAR", far), sighting(0, "in", "LAST", far)])
    step = await _step_over_all(shop)
    assert len(step.revisions) == step.emitted == 3_000
    await shop.holds(await shop.truth())


async def _step_over_all(shop: Mall):
    projector = shop.projector(cache_entities=10)
    records = await shop.records()
    await projector.load()
    await projector.step(records[:-1])
    return await projector.step(records[-1:])


async def test_a_redis_that_has_not_got_the_functions_is_waited_for(redis_server, mall: str):
    shop = Mall(redis_server.url, mall)
    await shop.log.append(day_of_traffic(10, now_us() - HOUR))
    await shop.redis.function_flush()
    with pytest.raises(LibraryMissingError, match="has not got the functions parkstream_reads_") as caught:
        await project(shop.projector())
    assert is_transient(caught.value)
    load_functions(redis_server.url)
    await project(shop.projector())
    await shop.holds(await shop.truth())
    await shop.close()


async def test_other_rules_refuse_what_they_did_not_make(busy: Mall, monkeypatch: pytest.MonkeyPatch):
    old, new = busy.projector(), busy.projector()
    await old.load()
    monkeypatch.setattr(VISITS, "rules_version", RULES_VERSION + 1)
    await new.load()
    await new.step(await busy.log.read(0, 10))
    monkeypatch.undo()
    with pytest.raises(StaleError):
        await old.step(await busy.log.read(0, 10))
    with pytest.raises(OtherRulesError) as refused:
        await old.load()
    assert refused.value.found == RULES_VERSION + 1


async def test_another_version_follows_without_emitting_and_never_goes_ahead(busy: Mall):
    live, shadow = busy.projector(), busy.projector(version=2)
    await live.load()
    await live.step(await busy.log.read(0, 200))
    await shadow.load()
    step = await shadow.step(await busy.log.read(0, 200))
    assert step.revisions
    assert step.emitted == 0
    assert shadow.state_hash == live.state_hash
    with pytest.raises(StaleError):
        await shadow.step(await busy.log.read(200, 1))
    assert await busy.redis.hget(busy.keys.outbox_meta, "live") == b"1"


async def test_a_version_that_became_live_emits_only_what_was_not_emitted_and_fences_the_old_one(busy: Mall):
    old, new = busy.projector(version=1), busy.projector(version=2)
    await old.load()
    await old.step(await busy.log.read(0, 200))
    await new.load()
    await new.step(await busy.log.read(0, 150))
    await busy.redis.hset(busy.keys.outbox_meta, "live", 2)
    await project(new, 100)
    assert (await old.step(await busy.log.read(200, 100))).emitted == 0
    await busy.log.append([sighting(0, "one-more", "NEW", now_us())])
    with pytest.raises(StaleError):
        await old.step(await busy.log.read(300, 1_000))
    await project(new)
    assert [item for _, item in await busy.emitted()] == (await busy.truth()).items


async def test_changed_rules_hold_from_their_position_on(busy: Mall):
    changed = Rules(duplicate_window_us=60 * SECOND, allowed_lateness_us=0).changed(7)
    await busy.log.decide(wire.RULES_CHANGED, changed.id, wire.encode(changed), unless_after=None)
    at = now_us() - 60 * SECOND
    await busy.log.append([sighting(0, "first", "TWICE", at), sighting(0, "again", "TWICE", at + 30 * SECOND)])
    await project(busy.projector(), 9)
    truth = await busy.truth()
    assert truth.state.clock.counters.duplicate_entries == 1
    await busy.holds(truth)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({0: "x"}, "the projection version"),
        ({1: "-1"}, "the rules version"),
        ({2: ""}, "the checkpoint"),
        ({4: "0"}, "does not grow"),
        ({9: "2"}, "the counts"),
        ({9: "many"}, "a count"),
        ({20: "soon"}, "a due time"),
        ({20: "nan"}, "a due time"),
        ({22: "1"}, "an outbox id"),
        ({22: "2-0"}, "ahead of its records"),
        ({28: "1-0"}, "do not grow"),
    ],
)
async def test_wrong_arguments_change_nothing(shop: Mall, wrong: dict[int, str], problem: str):
    arguments = ["1", "1", "0", "00", "1", "00", "clock", "", "0", "1", "0", "1", *["0"] * 5, "2"]
    arguments += ["CAR", "plate", "17", "member", "1-0", "v", "1", "{}", "9", "", "1-1", "w", "1", "{}", "9", ""]
    await shop.log.create()
    await project(shop.projector())
    good = shop.projector()._store
    before = await shop.kept()
    broken = [wrong.get(nth, argument) for nth, argument in enumerate(arguments)]
    with pytest.raises(ResponseError, match=problem):
        await good._functions.write("commit", good._written, broken)
    assert await shop.kept() == before
    assert await good._functions.write("commit", good._written, arguments) == [0, 1, 2, 1]


async def test_a_key_of_the_wrong_type_stops_a_commit_before_it_writes(busy: Mall):
    projector = busy.projector()
    await busy.redis.set(busy.keys.projection(1, "hashes"), "")
    await projector.load()
    before = await busy.kept()
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await projector.step(await busy.log.read(0, 100))
    assert await busy.kept() == before
