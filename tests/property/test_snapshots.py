"""Answers about another time are the same with and without snapshots, whatever was asked before."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from log_histories import happenings, later, log_of
from parkstream_eventlog import MemoryLog, Record
from parkstream_events.decisions import Gate, RestatedVisit, VisitsRestated, WatermarkAdvanced
from parkstream_events.log_schema import LOG_SCHEMA
from parkstream_events.sightings import Direction, moment_of
from parkstream_projection.codec import recorded_event_of, state_hash
from parkstream_projection.questions.as_of import AsOf, as_of
from parkstream_projection.questions.snapshots import Snapshots
from parkstream_visits import RecordedEvent
from parkstream_visits.in_memory import InMemory
from projections import record_of
from recorded_logs import Make, changes, decisions, logs
from visits_histories import END, RULES, START, UNIT, Pass

EVERY = 3
GATES = [Gate(way) for way in Direction]
PLATES = ("A1", "B2", "C3")


def memory_log(records: list[Record]) -> MemoryLog:
    log = MemoryLog(LOG_SCHEMA, lambda: START + 10 * END * UNIT)
    log.take_over(records)
    return log


def nothing(done: int, total: int) -> None:
    assert 0 <= done <= total


def _restated(plate: str, id_: str) -> Make:
    return lambda position, recorded: RecordedEvent(
        position,
        START + recorded * UNIT,
        None,
        None,
        VisitsRestated(2, position - 1, 1, [RestatedVisit(plate, f"entry:{id_}@{START}", 1)]),
    )


restated = st.builds(_restated, st.sampled_from(PLATES), st.sampled_from("12"))
records = st.one_of(
    logs(decisions, changes, restated).map(lambda facts: [record_of(fact) for fact in facts]),
    st.builds(log_of, happenings, later),
)
times = st.integers(-5, 260).map(lambda seconds: START + seconds * UNIT)


@st.composite
def questions(draw: st.DrawFn, end: int) -> AsOf:
    plate = draw(st.none() | st.sampled_from(PLATES))
    match draw(st.sampled_from(["position", "recorded", "event"])):
        case "position":
            return AsOf(to=draw(st.integers(1, end)), plate=plate, inside=True)
        case "recorded":
            return AsOf(recorded_at=moment_of(draw(times)), plate=plate, inside=True)
        case _:
            at_us = draw(times) + draw(st.sampled_from([0, END * UNIT]))
            return AsOf(occurred_at=moment_of(at_us), plate=plate, inside=True)


async def same(log: MemoryLog, folder: Path, question: AsOf) -> None:
    log_id = (await log.state()).log_id
    kept = await as_of(log, question, nothing, Snapshots(folder, log_id, every=EVERY))
    assert kept == await as_of(log, question, nothing)


@settings(max_examples=600, deadline=None)
@given(records, st.data())
def test_an_answer_does_not_depend_on_what_was_kept(found, data):
    log = memory_log(found)
    asked = data.draw(st.lists(questions(len(found)), min_size=1, max_size=5))

    async def ask() -> None:
        with TemporaryDirectory() as folder:
            if data.draw(st.booleans()):
                await same(log, Path(folder), AsOf(to=len(found)))
            for question in asked:
                await same(log, Path(folder), question)

    asyncio.run(ask())


@settings(max_examples=200, deadline=None)
@example(log_of([None, None], []), 2)
@given(records, st.integers(1, 30))
def test_a_state_that_was_kept_goes_on_as_the_one_that_it_was_made_of(found, position):
    log = memory_log(found)

    async def ask() -> None:
        with TemporaryDirectory() as folder:
            through = min(position, len(found))
            snapshots = Snapshots(Path(folder), "log", every=through)
            await as_of(log, AsOf(to=through), nothing, snapshots)
            (head,) = snapshots.heads
            resumed, whole = snapshots.load(head), InMemory()
            for record in found[:through]:
                whole.take(recorded_event_of(record))
            assert state_hash(resumed.state) == state_hash(whole.state)
            for record in found[through:]:
                assert resumed.take(recorded_event_of(record)) == whole.take(recorded_event_of(record))
            assert state_hash(resumed.state) == state_hash(whole.state)

    asyncio.run(ask())


@pytest.mark.parametrize(
    "last",
    [
        Pass(60, 1, "out").fact(3, 60),
        RecordedEvent(3, START + 200 * UNIT, None, None, WatermarkAdvanced(GATES, START + 190 * UNIT, "silence", 2)),
        Pass(20, 0, "in-2", "B2").fact(3, 20_040),
    ],
    ids=["it happened later", "the watermark passed later", "it was recorded when all was final"],
)
def test_a_snapshot_that_something_later_is_in_is_of_no_use_for_a_time_before(tmp_path, last):
    """The car A1 is inside at 30 s, which is final at 20,030 s; a snapshot at position 3 knows better."""
    facts = [RecordedEvent(1, START, None, None, RULES.changed(0)), Pass(10, 0, "in").fact(2, 10), last]
    log, question = memory_log([record_of(fact) for fact in facts]), AsOf(occurred_at=moment_of(START + 30 * UNIT))

    async def ask() -> None:
        log_id = (await log.state()).log_id
        await as_of(log, AsOf(to=3), nothing, Snapshots(tmp_path, log_id, every=EVERY))
        assert Snapshots(tmp_path, log_id, every=EVERY).last == EVERY
        answer = await as_of(log, question, nothing, Snapshots(tmp_path, log_id, every=EVERY))
        assert (answer.counters["inside"], answer.counters["entered"]) == (1, 1)
        assert answer == await as_of(log, question, nothing)

    asyncio.run(ask())


def test_what_is_emitted_of_a_plate_while_others_pass_is_not_missed(tmp_path):
    """The exit of A1 is at position 3, and summarised at 6 without its entry: between two snapshots without A1."""
    passed = RecordedEvent(6, START + 70 * UNIT, None, None, WatermarkAdvanced(GATES, START + 69 * UNIT, "silence", 5))
    others = [Pass(30 + n, 0, f"in-{n}", "B2").fact(n, 30 + n) for n in (2, 4, 5)]
    a1 = Pass(20, 1, "out").fact(3, 33)
    facts = [RecordedEvent(1, START, None, None, RULES.changed(0)), others[0], a1, *others[1:], passed]
    facts.append(Pass(71, 1, "out-7", "B2").fact(7, 71))
    log = memory_log([record_of(fact) for fact in facts])

    async def ask() -> None:
        log_id = (await log.state()).log_id
        await as_of(log, AsOf(to=7), nothing, Snapshots(tmp_path, log_id, every=EVERY))
        answer = await as_of(log, AsOf(to=7, plate="A1"), nothing, Snapshots(tmp_path, log_id, every=EVERY))
        assert [visit.outcome for visit in answer.visits] == ["entry_missed"]

    asyncio.run(ask())
