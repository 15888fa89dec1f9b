"""``parkstream log`` on a real Redis, as a user runs it."""

import asyncio
import json
import signal

import pytest
from command_line import CommandLine
from parkstream_eventlog import Candidate
from parkstream_events import wire
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction
from projections import HOUR, SECOND, Mall, day_of_traffic, now_us, project, sighting

MINUTE = 60 * SECOND
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
async def car(shop: Mall) -> Mall:
    """A car that came and left, seen twice at the exit, and what cannot be read; all projected."""
    begin = now_us() - HOUR
    await shop.log.append(
        [
            sighting(0, "in", "CAR1", begin, gate="north")._replace(traceparent=TRACE, published_at_us=begin + 5),
            sighting(1, "out", "CAR1", begin + 30 * MINUTE),
            sighting(1, "again", "CAR1", begin + 30 * MINUTE + SECOND),
            Candidate(wire.ENTERED, "broken", b'{"id": "broken",\n "vehicle_plate"', begin, "entry"),
        ]
    )
    decision = WatermarkAdvanced([Gate(Direction.ENTRY), Gate(Direction.EXIT, "south")], begin, "silence", 4)
    await shop.log.decide(wire.WATERMARK_ADVANCED, decision.id, wire.encode(decision), unless_after=None)
    await project(shop.projector())
    return shop


async def test_tail_shows_the_last_records(car, parkstream):
    assert [record["position"] for record in parkstream("log", "tail", "2", "--json").lines] == [4, 5]
    shown = parkstream("log", "tail")
    assert shown.code == 0
    first, *_, last = shown.out.splitlines()
    assert all(word in first for word in ("1", "vehicle.entered.v1", "CAR1", "in", "north"))
    assert "silence: entry gates, exit gate south; up to" in last
    assert parkstream("log", "tail", "0").out == ""


async def test_a_line_of_json_is_one_line_whatever_the_body_is(car, parkstream):
    first, *_, broken, _ = parkstream("log", "tail", "--json").lines
    assert first["body"]["vehicle_plate"] == "CAR1"
    assert first["traceparent"] == TRACE
    assert first["unreadable"] is None
    assert broken["body"] == '{"id": "broken",\n "vehicle_plate"'
    assert broken["unreadable"]["reason"] == "not_json"


async def test_show_tells_everything_of_a_record(car, parkstream):
    shown = parkstream("log", "show", "3", "--json").object
    assert shown["reads_as"]["vehicle_plate"] == "CAR1"
    assert shown["projection"]["judged"]["rule"] == "duplicate_read"
    assert shown["projection"]["judged"]["other"][4] == 2, "the position of the read that counts"
    assert shown["age_seconds"] >= 0

    words = parkstream("log", "show", "2").out
    assert "completed the visit exit:out" in words
    assert '"vehicle_plate": "CAR1"' in words

    broken = parkstream("log", "show", "4").out
    assert "reads as     nothing, not_json" in broken
    assert "listed as unreadable" in broken
    assert "Z" in broken


async def test_show_of_what_is_not_projected_yet_says_so(car, parkstream):
    await car.log.append([sighting(0, "new", "CAR2", now_us())])
    assert "nothing yet: the projection is at 5" in parkstream("log", "show", "6").out


async def test_wrong_usage_is_2_and_what_is_not_there_is_1(car, parkstream):
    for wrong in (["show"], ["show", "0"], ["show", "x"], ["find", "--from", "tomorrow"], ["find", "--plate", "##"]):
        answer = parkstream("log", *wrong)
        assert (answer.code, answer.out) == (2, ""), wrong
        assert "Traceback" not in answer.err
    missing = parkstream("log", "show", "9")
    assert (missing.code, missing.err) == (1, "error: there is no record 9: the log ends at 5\n")


async def test_find_by_plate_type_and_id(car, parkstream):
    def positions(*words):
        return [record["position"] for record in parkstream("log", "find", "--json", *words).lines]

    assert positions("--plate", "car-1") == [1, 2, 3]
    assert positions("--plate", "car1", "--type", "exited") == [2, 3]
    assert positions("--type", wire.WATERMARK_ADVANCED) == [5]
    assert positions("--id", "out") == [2]
    assert positions("--id", "watermark:4") == [5]
    assert positions("--id", "out", "--type", "entered") == []
    assert positions() == [1, 2, 3, 4, 5]
    assert positions("--from", "-1h", "--to=-30m") == []
    assert positions("--from", "2020-01-01T00:00", "--to", "2100-01-01T00:00+01:00") == [1, 2, 3, 4, 5]

    limited = parkstream("log", "find", "--limit", "2", "--json")
    assert len(limited.lines) == 2
    assert "more than 2" in limited.err
    unknown = parkstream("log", "find", "--id", "nobody")
    assert (unknown.code, unknown.out) == (0, "")
    assert "reading the log" in unknown.err
    assert "no record matches" in unknown.err


async def test_times_are_found_among_many_records(shop, parkstream):
    await shop.log.append(day_of_traffic(700, now_us() - HOUR)[:500])
    await asyncio.sleep(1.1)  # Recorded times must lie apart: they are Redis' own.
    border = now_us()
    await shop.log.append([sighting(0, f"late-{n}", f"LATE{n}", border) for n in range(3)])
    found = parkstream("log", "find", "--from", "-1s", "--json").lines
    records = await shop.records()
    since = [record.position for record in records if record.recorded_at_us >= border]
    assert since == [501, 502, 503]
    assert {record["position"] for record in found} <= set(since)
    moment = parkstream("log", "tail", "3", "--json").lines[0]["recorded_at"]
    assert [record["position"] for record in parkstream("log", "find", "--from", moment, "--json").lines] == since
    assert len(parkstream("log", "find", "--to", moment, "--limit", "9999", "--json").lines) == 500


async def test_stats_of_a_log_that_grew(shop, parkstream):
    await shop.log.append(day_of_traffic(300, now_us() - HOUR))
    records = len(await shop.records())
    found = parkstream("log", "stats", "--json").object
    assert (found["records"], found["in_redis"], found["archived"]) == (records, records, 0)
    assert sum(found["types"]["counts"].values()) == records
    assert found["types"]["are"] == "exact"
    assert found["per_second"]["minute"] == pytest.approx(records / 60)
    assert 100 < found["bytes_per_record"] < 1_000
    assert (found["oldest"]["position"], found["newest"]["position"]) == (1, records)
    assert f"records   {records:,}" in parkstream("log", "stats", "--exact").out


async def test_types_are_a_sample_unless_all_are_asked_for(shop, parkstream):
    for start in range(24):
        await shop.log.append([sighting(start % 2, f"{start}-{n}", f"P{n}", now_us()) for n in range(500)])
    sampled = parkstream("log", "stats", "--json").object["types"]
    assert (sampled["are"], sampled["records"]) == ("sampled", 10_000)
    exact = parkstream("log", "stats", "--exact", "--json").object["types"]
    assert exact == {"are": "exact", "records": 12_000, "counts": {wire.ENTERED: 6_000, wire.EXITED: 6_000}}
    assert "a sample of 10,000" in parkstream("log", "stats").out


async def test_an_empty_log_is_no_error(parkstream):
    assert parkstream("log", "tail").out == ""
    assert parkstream("log", "find", "--json").lines == []
    found = parkstream("log", "stats", "--json").object
    assert (found["records"], found["oldest"], found["bytes_per_record"]) == (0, None, None)
    assert parkstream("log", "stats").code == 0
    assert parkstream("log", "unreadable", "--json").object["unreadable"] == []
    assert parkstream("log", "show", "1").code == 1


def test_without_redis_every_command_says_what_to_do(mall):
    parkstream = CommandLine({"PARKSTREAM_REDIS_URL": "redis://127.0.0.1:1", "PARKSTREAM_MALL": mall})
    for words in (["log", "tail"], ["log", "stats"], ["log", "find"], ["visit", "CAR1"], ["outbox", "parked"]):
        answer = parkstream(*words)
        assert (answer.code, answer.out) == (1, ""), words
        assert answer.err == "error: redis://127.0.0.1:1: Connection refused (start it, or set PARKSTREAM_REDIS_URL)\n"


async def test_follow_goes_on_with_what_comes_until_ctrl_c(car, parkstream):
    """It ends with 130, as Ctrl-C ends any command: a script that calls it does not go on."""
    following = parkstream.start("log", "tail", "1", "--follow", "--json")
    assert following.stdout is not None
    try:
        assert json.loads(await asyncio.to_thread(following.stdout.readline))["position"] == 5
        for position in (6, 7):
            await car.log.append([sighting(0, f"new-{position}", "CAR2", now_us())])
            assert json.loads(await asyncio.to_thread(following.stdout.readline))["position"] == position
        following.send_signal(signal.SIGINT)
        out, err = following.communicate(timeout=120)
    finally:
        following.kill()
    assert (following.returncode, out, err) == (130, "", "")


async def test_find_in_a_log_that_grows_ends(shop, parkstream):
    async def grow():
        n = 0
        while True:
            n += 1
            await shop.log.append([sighting(0, f"{n}-{i}", f"P{i}", now_us()) for i in range(100)])

    growing = asyncio.create_task(grow())
    try:
        found = await asyncio.to_thread(parkstream, "log", "find", "--limit", "1000000", "--json")
    finally:
        growing.cancel()
    positions = [record["position"] for record in found.lines]
    assert positions == list(range(1, len(positions) + 1))
    assert len(positions) > 0


async def test_a_reader_that_goes_away_is_no_error(car, parkstream):
    await car.log.append(day_of_traffic(400, now_us() - HOUR))
    following = parkstream.start("log", "find", "--limit", "1000000")
    assert following.stdout is not None
    assert following.stderr is not None
    following.stdout.close()
    assert await asyncio.to_thread(following.stderr.read) == ""
    following.stderr.close()
    assert following.wait(10) == 128 + signal.SIGPIPE


async def test_what_is_archived_is_shown_like_the_rest(car, redis_url, mall, parkstream, tmp_path):
    archiving = {"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_MALL": mall, "PARKSTREAM_ARCHIVE_DIR": str(tmp_path)}
    spanning = CommandLine(archiving)
    before = [spanning("log", *words).out for words in (["tail"], ["find", "--plate", "CAR1", "--json"])]
    visit = spanning("visit", "CAR1", "--json").object
    assert spanning("log", "archive", "--through", "3").code == 0
    assert (await car.log.state()).archived_through == 3
    assert [spanning("log", *words).out for words in (["tail"], ["find", "--plate", "CAR1", "--json"])] == before
    assert spanning("visit", "CAR1", "--json").object == visit
    assert spanning("log", "show", "1", "--json").object["id"] == "in"
    stats = spanning("log", "stats", "--exact", "--json").object
    assert (stats["records"], stats["archived"], stats["types"]["records"]) == (5, 3, 5)
    assert stats["oldest"]["position"] == 1
    without = parkstream("log", "stats", "--json").object
    assert (without["oldest"]["position"], without["per_second"]["hour"]) == (4, None)

    away = parkstream("log", "show", "1")
    assert (away.code, away.out, "archive" in away.err) == (1, "", True)
    assert [record["position"] for record in parkstream("log", "tail", "2", "--json").lines] == [4, 5]
