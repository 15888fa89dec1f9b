"""The bytes of a car in Redis, out of what it held before and after."""

import pytest

from benchmarks.memory import Contents, bytes_of_a_car

BEGAN = Contents({"log": 100, "outbox": 10}, {"log": 1}, used=1_000)
PARTS = {"log": 4_100, "outbox": 2_010, "ids": 800, "plates": 600, "summaries": 400}


@pytest.mark.parametrize(("decisions", "each"), [(({"decisions": 120}, {"decisions": 4}), 30), (({}, {}), 0)])
def test_what_a_car_and_an_entry_cost_also_where_nothing_was_decided(decisions, each):
    waiting = Contents(PARTS, {}, used=0)
    kept = Contents(PARTS | decisions[0] | {"outbox": 10}, {"log": 40} | decisions[1], used=10_000)
    row = bytes_of_a_car(BEGAN, waiting, kept, cars=20)
    assert row["bytes"] == {"log": 200, "outbox": 100, "ids": 40, "plates": 30, "summaries": 20}
    assert (row["record"], row["decision"]) == (102, each)
    assert row["base"] == 10_000 - sum(kept.bytes.values())
