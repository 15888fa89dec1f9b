"""What the summary file has lost is emitted again: exactly that, however old, and never twice."""

import json
import random

import msgspec
import pytest
from parkstream_events import wire
from parkstream_events.decisions import RestatedVisit, VisitsRestated
from projections import HOUR, Mall, day_of_traffic, now_us, project
from sound import line_of

CARS = 300


@pytest.fixture
def file(tmp_path):
    return tmp_path / "summaries.jsonl"


async def delivered(shop: Mall, file) -> list[bytes]:
    """Let the outbox be delivered to *file*, all of it; return its lines."""
    emitted = await shop.emitted()
    lines = [wire.encode(line_of(item)) + b"\n" for _, item in emitted]
    with file.open("ab") as end:
        end.write(b"".join(lines))
    await shop.outbox.settle([id_ for id_, _ in emitted])
    return lines


@pytest.fixture
async def lines(shop, file) -> list[bytes]:
    """A mall whose summaries are all in the file."""
    await shop.log.append(day_of_traffic(CARS, now_us() - 2 * HOUR))
    await project(shop.projector())
    return await delivered(shop, file)


@pytest.mark.parametrize("lost", ["first half", "second half", "some", "all", "none", "torn"])
async def test_exactly_what_is_missing_is_emitted_again(shop, lines, file, parkstream, lost):
    kept = {
        "first half": lines[len(lines) // 2 :],
        "second half": lines[: len(lines) // 2],
        "some": [line for line in lines if random.Random(line).random() < 0.7],
        "all": [],
        "none": lines,
        "torn": [*lines[:-1], lines[-1][:-9]],
    }[lost]
    file.write_bytes(b"".join(kept))
    gone = sorted(set(lines) - set(kept))
    words = ("outbox", "emit-missing", "--summaries", str(file), "--json")
    would = parkstream(*words, "--dry-run").object
    assert (would["missing"], would["emitted"], would["expected"]) == (len(gone), 0, len(lines))
    assert await shop.outbox.depth() == 0
    done = parkstream(*words).object
    assert (done["missing"], done["emitted"]) == (len(gone), len(gone))
    again = parkstream(*words).object  # They wait now.
    assert (again["missing"], again["emitted"]) == (0, 0)
    file.write_bytes(b"".join(line for line in kept if line.endswith(b"\n")))
    assert sorted(await delivered(shop, file)) == gone
    assert sorted(file.read_bytes().splitlines(keepends=True)) == sorted(lines)
    assert parkstream(*words).object["missing"] == 0


async def test_what_was_deleted_from_the_outbox_is_emitted_again_and_counted_once(shop, lines, file, parkstream):
    """Some of it was delivered and not settled yet; neither that nor the rest waits anywhere any more."""
    await shop.log.append(day_of_traffic(60, now_us() - HOUR))
    await project(shop.projector())
    emitted = await shop.emitted()
    (first, *_) = await shop.outbox.take("test", 1, 1_000)
    await shop.outbox.park(first, "conflict: other")
    with file.open("ab") as end:
        end.write(wire.encode(line_of(emitted[1][1])) + b"\n")
    await shop.redis.delete(shop.keys.outbox, shop.keys.outbox_parked)
    assert (await shop.outbox.account()).gone == len(emitted)
    report = json.loads(parkstream("log", "verify", "--json").out)
    assert "parkstream outbox emit-missing" in report["findings"][0]["advice"]
    done = parkstream("outbox", "emit-missing", "--summaries", str(file), "--json").object
    assert done["emitted"] == len(emitted) - 1
    assert (await shop.outbox.account()).gone == 0
    await delivered(shop, file)
    assert parkstream("log", "verify", "--summaries", str(file), "--json").object["findings"] == []


async def test_counters_of_the_outbox_that_were_deleted_are_counted_anew(shop, lines, file, parkstream):
    await shop.redis.hdel(shop.keys.outbox_meta, "emitted")
    assert (await shop.outbox.account()).gone == -len(lines)
    parkstream("outbox", "emit-missing", "--summaries", str(file))
    assert (await shop.outbox.account()).gone == 0


async def test_a_log_whose_file_was_mended_is_sound(shop, lines, file, parkstream):
    file.write_bytes(b"".join(lines[::2]))
    report = parkstream("log", "verify", "--summaries", str(file), "--json")
    assert report.code == 1
    assert "parkstream outbox emit-missing" in json.loads(report.out)["findings"][0]["advice"]
    parkstream("outbox", "emit-missing", "--summaries", str(file))
    await delivered(shop, file)
    assert parkstream("log", "verify", "--summaries", str(file), "--json").object["findings"] == []


async def test_what_is_parked_or_waits_is_not_missing(shop, file, parkstream):
    await shop.log.append(day_of_traffic(40, now_us() - HOUR))
    await project(shop.projector())
    (entry, *_) = await shop.outbox.take("test", 1, 1_000)
    await shop.outbox.park(entry, "conflict: other")
    file.write_bytes(b"")
    done = parkstream("outbox", "emit-missing", "--summaries", str(file)).out
    assert done.startswith("0 of 0 summaries")


async def test_what_is_emitted_again_carries_neither_trace_nor_latency(shop, lines, file, parkstream):
    file.write_bytes(b"")
    parkstream("outbox", "emit-missing", "--summaries", str(file))
    (entry, *_) = await shop.outbox.take("test", 1, 1_000)
    item = msgspec.json.decode(entry.item)
    assert (entry.traceparent, item["published_at_us"]) == (None, None)
    assert await shop.outbox.age_seconds() < 60


async def test_what_another_version_made_is_counted_and_left_alone(shop, lines, file, parkstream):
    first = json.loads(lines[0])
    visit = RestatedVisit(first["vehicle_plate"], first["visit_id"], first["revision"])
    end = (await shop.log.state()).position
    decision = VisitsRestated(2, end, 1, [visit])
    await shop.log.decide(wire.VISITS_RESTATED, decision.id, wire.encode(decision), unless_after=None)
    await project(shop.projector())
    restated = await delivered(shop, file)
    assert json.loads(restated[0])["revision"] == first["revision"] + 1
    file.write_bytes(b"")
    done = parkstream("outbox", "emit-missing", "--summaries", str(file), "--json").object
    assert (done["emitted"], done["unknown"]) == (len(lines), 1)
    assert {(line["visit_id"], line["revision"]) for line in map(json.loads, await delivered(shop, file))} >= {
        (first["visit_id"], first["revision"] + 1)
    }


async def test_a_file_that_is_not_there_is_named(shop, lines, tmp_path, parkstream):
    answer = parkstream("outbox", "emit-missing", "--summaries", str(tmp_path / "none"))
    assert answer.code == 1
    assert "No such file" in answer.err
