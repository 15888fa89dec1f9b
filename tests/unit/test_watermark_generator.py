"""When the clock decides, and when it does not: lateness 2 s, grace 5 s, hold_max 60 s."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import pytest
from clockwork import START, Clockwork
from parkstream_backend.project import watermark_generator
from parkstream_backend.project.watermark_generator import WatermarkGenerator
from parkstream_events import wire
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_telemetry import Telemetry, TelemetryOptions
from parkstream_visits import Rules
from projections import SECOND

ENTRY = Direction.ENTRY
IN, OUT = Gate(Direction.ENTRY), Gate(Direction.EXIT)


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A projection in memory catches up at once, or never."""
    monkeypatch.setattr(watermark_generator, "CATCH_UP_LOOK_SECONDS", 0.001)
    monkeypatch.setattr(watermark_generator, "CATCH_UP_SECONDS", 0.001)


@pytest.fixture
def works() -> Clockwork:
    return Clockwork()


def keeper_of(works: Clockwork, rules: Rules | None = None) -> WatermarkGenerator:
    telemetry = Telemetry(TelemetryOptions(service="test", plate_hash_key="k", statistics_seconds=0, strict=True))

    def fail(error: Exception, _: float) -> None:
        raise error

    return WatermarkGenerator(works.log, works, rules or Rules(), works.drained, telemetry, fail)


async def run_until(works: Clockwork, keeper: WatermarkGenerator, seconds: float) -> None:
    """Let the clock go from look to look, as the keeper asks for, up to *seconds* since the start."""
    while True:
        pause = await keeper.look()
        assert 0 < pause <= 1
        if works.seconds + pause > seconds:
            works.seconds = seconds
            return
        works.seconds += pause


async def decided_at(works: Clockwork) -> list[tuple[list[Gate], float, str]]:
    return [(one.gates, (one.to_us - START) / SECOND, one.because) for one in await works.decisions()]


async def reasons(works: Clockwork) -> list[str]:
    return [one.because for one in await works.decisions()]


async def test_a_lone_exit_is_released_when_the_gates_have_been_silent_for_the_grace(works: Clockwork):
    keeper = keeper_of(works)
    await run_until(works, keeper, 10)
    await works.see(1, "out", "CAR")
    await run_until(works, keeper, 14.9)
    assert await decided_at(works) == []
    await run_until(works, keeper, 16)
    assert await decided_at(works) == [([IN, OUT], pytest.approx(15, abs=0.06), "silence")]
    await works.outlook()
    assert [(one.exit.id, one.outcome) for one in works.emitted] == [("out", "entry_missed")]


async def test_what_happened_before_all_gates_were_silent_and_came_after_waits_for_their_next_silence(works: Clockwork):
    """All gates are late then: none counts, and none is silent any more."""
    keeper = keeper_of(works)
    await run_until(works, keeper, 60)
    await works.see(1, "out", "CAR")
    await run_until(works, keeper, 65.1)
    await works.see(0, "in", "LATE", ago=0.5)
    await works.see(1, "late", "OTHER", ago=0.5)
    seen = works.seconds
    await run_until(works, keeper, seen + 6)
    assert {one.exit.id for one in works.emitted if one.exit} == {"out", "late"}


async def test_a_gate_that_has_reported_beyond_is_not_waited_for(works: Clockwork):
    keeper = keeper_of(works)
    await run_until(works, keeper, 10)
    await works.see(1, "out", "CAR")
    await run_until(works, keeper, 12.5)
    await works.see(1, "later", "OTHER")
    await run_until(works, keeper, 12.6)
    assert await decided_at(works) == [([IN], pytest.approx(12.5, abs=0.06), "silence")]


async def test_the_decision_waits_for_the_whole_grace_after_the_last_sighting(works: Clockwork):
    keeper = keeper_of(works)
    await run_until(works, keeper, 10)
    await works.see(0, "in", "OTHER")
    await works.see(1, "out", "CAR")
    await run_until(works, keeper, 14.9)
    assert await decided_at(works) == []
    await run_until(works, keeper, 16)
    assert await decided_at(works) == [([IN, OUT], pytest.approx(15, abs=0.06), "silence")]


async def test_the_decision_waits_until_the_queue_was_empty_for_the_whole_grace(works: Clockwork):
    keeper = keeper_of(works)
    await works.see(1, "out", "CAR")
    works.depths[ENTRY] = 3
    await run_until(works, keeper, 20)
    works.depths[ENTRY] = 0
    await run_until(works, keeper, 22)
    works.depths[ENTRY] = None
    await run_until(works, keeper, 30)
    assert await decided_at(works) == []
    works.depths[ENTRY] = 0
    await run_until(works, keeper, 34)
    assert await decided_at(works) == []
    await run_until(works, keeper, 37)
    assert await reasons(works) == ["silence"]


async def test_what_was_published_by_the_end_of_the_grace_must_be_recorded_before_the_decision(works: Clockwork):
    keeper = keeper_of(works)
    await works.see(1, "out", "CAR")
    await run_until(works, keeper, 4.9)
    works.depths[ENTRY] = 1
    await run_until(works, keeper, 30)
    assert await decided_at(works) == []
    works.depths[ENTRY] = 0
    await run_until(works, keeper, 30.3)
    assert await decided_at(works) == [([IN, OUT], pytest.approx(30.1, abs=0.15), "silence")]


async def test_a_decision_names_the_gates_and_where_the_log_was_seen(works: Clockwork):
    keeper = keeper_of(works)
    await works.see(0, "in", "CAR", gate="north")
    await works.see(1, "out", "OTHER")
    await run_until(works, keeper, 8)
    (decision,) = await works.decisions()
    assert decision == WatermarkAdvanced([IN, Gate(ENTRY, "north"), OUT], decision.to_us, "silence", 2)


async def test_nothing_is_decided_while_nothing_waits(works: Clockwork):
    keeper = keeper_of(works)
    await works.see(0, "in", "STAYS")
    await works.see(0, "came", "LEFT", ago=60)
    await works.see(1, "left", "LEFT")
    await run_until(works, keeper, 3_600)
    assert await decided_at(works) == []


async def test_a_car_that_came_twice_waits_for_its_exit(works: Clockwork):
    keeper = keeper_of(works)
    await works.see(0, "first", "CAR", ago=100)
    await works.see(0, "second", "CAR")
    await run_until(works, keeper, 30)
    assert await reasons(works) == ["silence"]
    await works.outlook()
    assert [(one.entry.id, one.outcome) for one in works.emitted] == [("first", "exit_missed")]


async def test_one_decision_is_enough_for_all_that_waited(works: Clockwork):
    keeper = keeper_of(works)
    for n in range(250):
        await works.see(1, f"out-{n}", f"CAR{n}")
    await run_until(works, keeper, 60)
    assert len(await decided_at(works)) == 1
    assert len(works.emitted) == 250


async def test_of_twenty_gates_twelve_closed_ones_are_idle_by_one_decision(works: Clockwork):
    keeper = keeper_of(works)
    for n in range(20):
        await works.see(n % 2, f"first-{n}", f"FIRST{n}", gate=f"g{n}")
    for second in range(1, 60):
        works.seconds = second
        for n in range(8):
            await works.see(n % 2, f"{n}-{second}", f"C{n}X{second}", gate=f"g{n}")
        await keeper.look()
    (decision,) = await works.decisions()
    assert {gate.name for gate in decision.gates} == {"", *(f"g{n}" for n in range(8, 20))}
    assert works.state.clock.gates.watermark_us == START + 59 * SECOND


async def test_nothing_is_decided_by_silence_while_the_projection_lags(works: Clockwork):
    keeper = keeper_of(works)
    await works.see(1, "out", "CAR")
    await works.outlook()
    works.projecting = False
    await works.see(1, "another", "CAR2")
    await run_until(works, keeper, 30)
    assert await decided_at(works) == []
    works.projecting = True
    await run_until(works, keeper, 32)
    assert await reasons(works) == ["silence"]


async def test_a_gate_that_reports_only_what_is_old_is_behind(works: Clockwork):
    keeper = keeper_of(works)
    await works.see(0, "timely", "OTHER")
    await works.see(1, "out", "CAR")
    while works.seconds < 10:
        await works.see(0, f"late-{works.seconds}", f"LATE{round(works.seconds)}", ago=600)
        await works.see(1, f"out-{works.seconds}", f"OUT{round(works.seconds)}")
        await run_until(works, keeper, works.seconds + 1)
    assert (await decided_at(works))[0] == ([IN], pytest.approx(5, abs=0.06), "behind")
    assert await reasons(works) == ["behind"]


async def test_nothing_is_pending_for_longer_than_hold_max_after_it_is_due(works: Clockwork):
    keeper = keeper_of(works)
    works.depths[ENTRY] = 1
    await works.see(1, "out", "CAR")
    await run_until(works, keeper, 61)
    assert await decided_at(works) == []
    await run_until(works, keeper, 64)
    assert await decided_at(works) == [([IN, OUT], 2.000001, "hold_max")]
    assert works.state.clock.gates.watermark_us == START + 2_000_001


async def test_what_was_recorded_late_is_not_pending_for_long_yet(works: Clockwork):
    keeper = keeper_of(works)
    works.depths[ENTRY] = 1
    await works.see(1, "out", "CAR", ago=3_000)
    await run_until(works, keeper, 59.9)
    assert await decided_at(works) == []
    await run_until(works, keeper, 61)
    assert await reasons(works) == ["hold_max"]


async def test_a_lagging_projection_waits_by_the_time_it_has_got_to(works: Clockwork):
    keeper = keeper_of(works)
    works.depths[ENTRY] = 1
    await works.see(1, "out", "CAR")
    await works.outlook()
    works.projecting = False
    works.seconds = 100
    await works.see(0, "in", "CAR", ago=110)
    await run_until(works, keeper, 300)
    assert await decided_at(works) == []


class Replaced:
    """Stands for whatever *now* returns, in depth: another may take its place at any time."""

    def __init__(self, now: Callable[[], Any]) -> None:
        self._now = now

    def __getattr__(self, name: str) -> Any:
        return Replaced(lambda: getattr(self._now(), name))

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return self._now()(*arguments, **options)


async def test_a_log_that_is_shorter_than_what_was_decided_is_another_one():
    works = [Clockwork()]
    keeper = keeper_of(cast("Clockwork", Replaced(lambda: works[-1])))
    for number in range(3):
        await works[0].see(1, f"out-{number}", f"CAR{number}")
    await run_until(works[0], keeper, 16)
    assert await reasons(works[0]) == ["silence"]
    works.append(Clockwork())
    await works[1].see(1, "out", "CAR")
    await run_until(works[1], keeper, 16)
    assert await reasons(works[1]) == ["silence"]


async def test_of_many_backends_one_decision_is_kept(works: Clockwork):
    keepers = [keeper_of(works) for _ in range(3)]
    await works.see(1, "out", "CAR")
    for at in (0, 5, 6, 7):
        works.seconds = at
        for keeper in keepers:
            await keeper.look()
    assert len(await works.decisions()) == 1


async def test_backends_that_decide_at_once_decide_once(works: Clockwork):
    keepers = [keeper_of(works) for _ in range(3)]
    await works.see(1, "out", "CAR")
    await asyncio.gather(*(keeper.look() for keeper in keepers))
    works.seconds = 6
    state, outlook = await works.log.state(), await works.outlook()
    for keeper in keepers:
        works.seconds += 0.1  # Their clocks differ, so the bodies do, but the id is one.
        drained = {direction: await works.drained(direction) for direction in Direction}
        due = await keeper._next(state._replace(now_us=works.now_us), outlook, drained)
        await keeper._decide(due.decision(works.now_us, state.position))
    assert len(await works.decisions()) == 1


async def test_a_sighting_at_the_last_moment_voids_the_decision(works: Clockwork, monkeypatch: pytest.MonkeyPatch):
    keeper = keeper_of(works)
    await works.see(1, "out", "CAR")
    await keeper.look()
    decide = works.log.decide

    async def decide_too_late(*what, unless_after):
        await works.see(0, "in", "CAR", ago=30)
        return await decide(*what, unless_after=unless_after)

    monkeypatch.setattr(works.log, "decide", decide_too_late)
    works.seconds = 6
    assert await keeper.look() == pytest.approx(0.05)
    await works.outlook()
    assert works.state.clock.counters.void == 1
    assert [(one.exit.id, one.outcome) for one in works.emitted] == [("out", "completed")]


async def test_the_rules_are_put_in_force_once(works: Clockwork):
    rules = Rules(hold_max_us=SECOND)
    await works.see(0, "in", "CAR")
    for _ in range(2):
        await keeper_of(works, rules).put_rules_in_force()
        assert (await works.outlook()).clock.rules == [Rules(), rules]
    (record,) = await works.log.read(1, 10)
    assert (record.type, record.id) == (wire.RULES_CHANGED, "rules:1")


async def test_rules_that_are_in_force_are_not_appended(works: Clockwork):
    await keeper_of(works).put_rules_in_force()
    assert (await works.log.state()).position == 0


async def test_whether_rules_are_in_force_is_asked_of_a_projection_that_has_caught_up(works: Clockwork):
    rules = Rules(hold_max_us=SECOND)
    await keeper_of(works, rules).put_rules_in_force()
    works.projecting = False
    putting = asyncio.create_task(keeper_of(works, rules).put_rules_in_force())
    await asyncio.wait([putting], timeout=0.3)
    assert not putting.done()
    works.projecting = True
    await putting
    assert (await works.log.state()).position == 1


async def test_another_backends_rules_at_the_same_position_do_not_stand_for_ours(works: Clockwork):
    mine, other = Rules(hold_max_us=SECOND), Rules(silence_grace_us=SECOND)
    decision = other.changed(0)
    await works.outlook()
    works.projecting = False
    await works.log.decide(wire.RULES_CHANGED, decision.id, wire.encode(decision), unless_after=None)
    stale, works.log.state = works.log.state, _state_before(works)
    putting = asyncio.create_task(keeper_of(works, mine).put_rules_in_force())
    await asyncio.wait([putting], timeout=0.05)
    works.log.state, works.projecting = stale, True
    await putting
    assert (await works.outlook()).clock.rules == [Rules(), other, mine]


def _state_before(works: Clockwork):
    state = works.log.state

    async def before():
        return (await state())._replace(position=0)

    return before
