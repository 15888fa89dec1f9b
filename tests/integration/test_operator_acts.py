"""What a person did is a record of the log that changes no visit, and that is found again."""

import pytest
from parkstream_events.decisions import OPERATOR_ACTED
from parkstream_operations.acts import act_of, acts_about, last_acts, record
from parkstream_operations.written_log import opened_on
from parkstream_service.redis import connect
from projections import now_us, project, sighting

WHY = "the camera at the north gate\nwas mended"


@pytest.fixture
async def it(shop, redis_url):
    redis = connect(redis_url)
    opened = opened_on(redis, shop.keys.mall, None)
    await opened.log.create()
    yield opened
    await redis.aclose()


async def acted(it, *about, who="otto"):
    return await record(it, act_of(who, "sent dead letters again", WHY, about))


async def test_the_last_acts_are_found_the_newest_first(it):
    positions = [await acted(it, f"e-{nth}") for nth in range(5)]
    found = await last_acts(it, 3)
    assert [one.position for one in found] == positions[:1:-1]
    assert (found[0].act.who, found[0].act.why) == ("otto", "the camera at the north gate was mended")


async def test_an_act_is_found_by_what_it_was_about(it):
    await acted(it, "e-1", "e-2")
    other = await acted(it, "e-3")
    assert [one.position for one in await acts_about(it, {"e-3", "e-9"})] == [other]
    assert await acts_about(it, {"e-9"}) == []


async def test_what_is_too_much_for_a_record_is_counted_and_cut(it):
    await acted(it, *(f"{nth:04}" + "x" * 226 for nth in range(1_000)))
    (one,) = await last_acts(it)
    assert one.act.count == 1_000
    assert 0 < len(one.act.about) < 200


async def test_it_changes_no_visit_and_a_replay_says_the_same(shop, it):
    at_us = now_us()
    await shop.log.append([sighting(0, "in", "CAR1", at_us)])
    await acted(it, "in")
    await shop.log.append([sighting(1, "out", "CAR1", at_us + 1)])
    await acted(it, "out")
    await project(shop.projector(), 1)
    truth = await shop.truth()
    assert (await shop.reads.state()).state_hash == truth.hash
    assert [str(one.outcome) for one in truth.emitted] == ["completed"]
    assert (truth.state.clock.counters.unreadable, truth.state.clock.counters.decisions) == (0, 2)


async def test_the_command_line_shows_it_in_the_log_and_in_the_story(shop, it, parkstream):
    await shop.log.append([sighting(0, "in", "CAR1", now_us())])
    await acted(it, "in")
    await project(shop.projector(), 1)
    assert [line["position"] for line in parkstream("log", "find", "--type", "acted", "--json").lines] == [2]
    shown = parkstream("log", "find", "--type", "acted").out
    assert OPERATOR_ACTED in shown
    assert "otto sent dead letters again (in): the camera at the north gate was mended" in shown
    assert "a person's act: it changes no visit" in parkstream("log", "show", "2").out
    (told,) = parkstream("visit", "CAR1", "--json").object["acts"]
    assert (told["position"], told["act"]["who"]) == (2, "otto")
    assert "the camera at the north gate was mended" in parkstream("visit", "CAR1").out
