"""``parkstream replay`` asked about other times and other rules, on a real Redis."""

import json
import subprocess
import sys

import pytest
from parkstream_eventlog import Appended
from parkstream_events import wire
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, moment_of
from parkstream_visits import Rules
from projections import SECOND, Mall, now_us, project, sighting, untimed

MINUTE = 60 * SECOND


@pytest.fixture
async def kept(redis_url, mall):
    found = Mall(redis_url, mall)
    yield found
    await found.close()


@pytest.fixture
def replay(redis_url, mall):
    """Run the command; return its exit code, its answer and what it complained of."""

    def run(*arguments):
        command = [sys.executable, "-m", "parkstream_cli", "replay", *arguments]
        environ = {"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_MALL": mall}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

    return run


def answer_of(ended):
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


async def rules_in_force(kept: Mall, **changes: int) -> None:
    decision = Rules(**changes).changed((await kept.log.state()).position)
    outcome = await kept.log.decide(wire.RULES_CHANGED, decision.id, wire.encode(decision), unless_after=None)
    assert isinstance(outcome, Appended)


@pytest.fixture
async def late_exit(kept: Mall) -> int:
    """Let CAR1 come and go, its exit recorded after all else; return when it came."""
    came = now_us() - 30 * MINUTE
    await rules_in_force(kept)
    await kept.log.append([sighting(0, "in-1", "CAR1", came), sighting(0, "in-2", "CAR2", came + 5 * MINUTE)])
    await kept.log.append([sighting(1, "out-1", "CAR1", came + 10 * MINUTE)])
    return came


def at(us: int) -> str:
    return moment_of(us).isoformat()


async def test_what_was_known_and_what_was_true_are_two_answers(kept, replay, late_exit):
    records = await kept.records()
    first = answer_of(replay("--to", "3", "--inside", "--plate", "car-1", "--json"))
    assert [car["vehicle_plate"] for car in first["inside"]] == ["CAR1", "CAR2"]
    assert [(untimed(visit["visit_id"]), visit["outcome"]) for visit in first["visits"]] == [("entry:in-1", None)]
    same = answer_of(
        replay("--recorded-at", at(records[3].recorded_at_us - 1), "--inside", "--plate", "CAR1", "--json")
    )
    assert same == first
    known = answer_of(replay("--recorded-at", at(records[3].recorded_at_us), "--json"))
    assert (known["position"], known["counters"]["completed"], known["inside"]) == (4, 1, None)
    true = answer_of(replay("--occurred-at", at(late_exit + 10 * MINUTE), "--inside", "--plate", "CAR1", "--json"))
    assert (true["counters"]["completed"], true["position"], true["final"]) == (1, 4, False)
    assert [car["vehicle_plate"] for car in true["inside"]] == ["CAR2"]
    assert [(untimed(visit["visit_id"]), visit["outcome"]) for visit in true["visits"]] == [("exit:out-1", "completed")]
    before = answer_of(replay("--occurred-at", at(late_exit + 10 * MINUTE - 1), "--inside", "--json"))
    assert [car["vehicle_plate"] for car in before["inside"]] == ["CAR1", "CAR2"]
    nothing = answer_of(replay("--recorded-at", "2020-01-01T00:00:00Z", "--inside", "--json"))
    assert (nothing["position"], nothing["inside"], nothing["counters"]["entered"]) == (0, [], 0)


async def test_the_end_of_the_log_is_what_the_projection_holds(kept, replay, late_exit):
    await project(kept.projector())
    present = await kept.reads.state()
    answer = answer_of(replay("--to", str(present.checkpoint), "--json"))
    assert answer["counters"] == present.counters


async def test_other_rules_make_other_visits(kept, replay, late_exit):
    await kept.log.append([sighting(0, "in-1b", "CAR1", late_exit + 2 * MINUTE)])
    same = answer_of(replay("--set", "PARKSTREAM_MAX_STAY_SECONDS=172800", "--json"))
    assert (same["differing"], same["differences"]) == (0, [])
    wide = answer_of(replay("--set", "DUPLICATE_WINDOW_SECONDS=180", "--set", "MAX_STAY_SECONDS=1000", "--json"))
    superseded, visit = wide["differences"]
    assert (untimed(superseded["visit_id"]), superseded["other"]) == ("entry:in-1", None)
    assert superseded["log"]["outcome"] == "exit_missed"
    endings = [visit[side]["entry_event_id"] for side in ("log", "other")]
    assert (untimed(visit["visit_id"]), visit["log"]["outcome"], endings) == (
        "exit:out-1",
        "completed",
        ["in-1b", "in-1"],
    )
    assert wide["counters"]["duplicate_entries"] == {"log": 0, "other": 1}
    assert wide["rules"]["DUPLICATE_WINDOW_SECONDS"] == {"log": 3, "other": 180}
    assert not wide["decided_anew"]
    until = answer_of(replay("--set", "DUPLICATE_WINDOW_SECONDS=180", "--to", "4", "--json"))
    assert until["differing"] == 0
    later = answer_of(replay("--set", "DUPLICATE_WINDOW_SECONDS=180", "--from", "5", "--json"))
    assert later["differing"] == 2


async def test_another_grace_decides_anew(kept, replay):
    await rules_in_force(kept, silence_grace_us=SECOND)
    left = now_us() - MINUTE
    await kept.log.append([sighting(1, "out-1", "CAR1", left)])
    decision = WatermarkAdvanced([Gate(way) for way in Direction], now_us(), "silence", 2)
    await kept.log.decide(wire.WATERMARK_ADVANCED, decision.id, wire.encode(decision), unless_after=None)
    await kept.log.append([sighting(0, "in-1", "CAR1", left - MINUTE)])
    patient = answer_of(replay("--set", "SILENCE_GRACE_SECONDS=4e6", "--set", "HOLD_MAX_SECONDS=3e6", "--json"))
    assert patient["decided_anew"]
    assert patient["corrections"] == {"log": 1, "other": 0}
    assert patient["differing"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--inside"], "give one of --to, --recorded-at, --occurred-at and --set"),
        (["--to", "1", "--occurred-at", "2026-01-01T00:00:00Z"], "give one of"),
        (["--to", "99"], "the log ends at 4, so give a position from 1 to 4"),
        (["--recorded-at", "yesterday"], "'yesterday' is no time: write 2026-11-27T08:00"),
        (["--to", "1", "--plate", "?"], "'?': a plate has"),
        (["--check", "--set", "MAX_STAY_SECONDS=1"], "--check and --set exclude each other"),
        (["--to", "1", "--from", "1"], "--from has an effect with --set only"),
        (["--set", "GRACE=1"], "there is no rule 'GRACE'\nThe rules are ALLOWED_LATENESS_SECONDS, SILENCE_GRACE"),
        (["--set", "MAX_STAY_SECONDS=-1"], "give a number of seconds, from 0 to"),
        (["--set", "FINALITY_DAYS=soon"], "give a number of days, from 0 to 3650"),
        (["--set", "MAX_STAY_SECONDS=1", "--plate", "A"], "give one of --to, --recorded-at, --occurred-at and --set"),
        (["--set", "MAX_STAY_SECONDS=1", "--from", "5"], "--from 5: the log ends at 4"),
    ],
)
async def test_a_question_that_cannot_be_answered_says_what_to_do(replay, late_exit, arguments, told):
    ended = replay(*arguments)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr


async def test_tables_say_the_same(kept, replay, late_exit):
    await kept.log.append([sighting(0, f"more-{n}", f"MORE{n}", late_exit) for n in range(40)])
    shown = replay("--occurred-at", at(now_us()), "--inside", "--plate", "CAR1").stdout
    assert "What was true at" in shown
    assert "41 inside" in shown
    assert "The first 30 of 41; --json has all." in shown
    shown = replay("--set", "MAX_STAY_SECONDS=60").stdout
    assert "exit:out-1@" in shown
    assert "1 visits end otherwise" not in replay("--set", "HOLD_MAX_SECONDS=60").stdout
