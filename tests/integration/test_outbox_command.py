"""``parkstream outbox`` on a real Redis: what the server would not take, and once more."""

import json

import pytest
from projections import HOUR, Mall, day_of_traffic, now_us, project


@pytest.fixture
async def parked(shop: Mall) -> list[str]:
    """Two summaries are in conflict, a third is invalid; the rest waits. Return their ids."""
    await shop.log.append(day_of_traffic(40, now_us() - HOUR))
    await project(shop.projector())
    entries = await shop.outbox.take("test", 3, 1_000)
    for entry, problem in zip(entries, ["conflict: other", "conflict: another", "invalid: no"], strict=True):
        assert await shop.outbox.park(entry, problem)
    return [entry.id for entry in entries]


async def test_parked_tells_the_problem_the_age_and_what_was_posted(shop, parked, parkstream):
    found = {one["id"]: one for one in parkstream("outbox", "parked", "--json").lines}
    assert set(found) == set(parked)
    first = found[parked[0]]
    assert (first["problem"], first["revision"]) == ("conflict: other", 1)
    assert first["item"]["visit_id"] == first["visit_id"]
    assert 0 <= first["age_seconds"] < 120
    (invalid,) = parkstream("outbox", "parked", "--problem", "invalid", "--json").lines
    assert invalid["id"] == parked[2]
    told = parkstream("outbox", "parked").out
    assert "conflict: another" in told
    assert '"outcome": "completed"' in told


async def test_redrive_puts_back_what_was_selected_and_nothing_else(shop, parked, parkstream):
    waiting = await shop.outbox.depth()
    would = parkstream("outbox", "redrive", "--problem", "conflict", "--dry-run", "--json").object
    assert would == {"dry_run": True, "redriven": 2, "unknown": []}
    assert await shop.outbox.parked() == 3
    before = {one["id"]: one["item"] for one in parkstream("outbox", "parked", "--json").lines}

    assert parkstream("outbox", "redrive", "--problem", "conflict").out == "2 put back to be delivered\n"
    assert (await shop.outbox.parked(), await shop.outbox.depth()) == (1, waiting + 2)
    again = await shop.outbox.take("test", 100, 1_000)
    assert [json.loads(entry.item) for entry in again[-2:]] in (
        [before[parked[0]], before[parked[1]]],
        [before[parked[1]], before[parked[0]]],
    )

    answer = parkstream("outbox", "redrive", "--id", parked[2], "--id", "9-9")
    assert (answer.code, answer.err) == (1, "9-9 is not parked\n")
    assert await shop.outbox.parked() == 0


async def test_redrive_wants_to_be_told_what(parked, parkstream):
    for words in ([], ["--all", "--id", parked[0]], ["--id", parked[0], "--problem", "x"]):
        answer = parkstream("outbox", "redrive", *words)
        assert (answer.code, answer.out) == (2, ""), words
    assert parkstream("outbox", "redrive", "--all", "--json").object["redriven"] == 3
    nothing = parkstream("outbox", "parked")
    assert (nothing.code, nothing.out, nothing.err) == (0, "", "no summary is parked\n")
