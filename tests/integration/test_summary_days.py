"""The index is bounded: days that are over leave it; their visits are looked up in the file, never taken for new."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from parkstream_events.summaries import Outcome, SummaryItem
from parkstream_events.wire import encode
from parkstream_summary_api.core.ledger import kept_of
from redis import Redis
from summary_client import Client, environ, eventually
from summary_items import NINE, item, lines_of

MODULE = "parkstream_summary_api"
DAY_SECONDS = 86_400


@pytest.fixture
def file(tmp_path):
    return tmp_path / "summaries.jsonl"


@pytest.fixture
def told(file, redis_url, mall):
    return environ(file, redis_url, mall)


@pytest.fixture
def redis(redis_url):
    with Redis.from_url(redis_url, db=3) as client:
        yield client


def dated(number: int, day: datetime = NINE, revision: int = 1, **changes) -> SummaryItem:
    """Return a visit that ended on *day*, as its id says."""
    at_us = int(day.timestamp() * 1_000_000) + number
    return item(f"{number}@{at_us}", revision, exit_date_time=day, **changes)


def days_of(redis: Redis, mall: str) -> list[str]:
    """Return the days that are in Redis."""
    prefix = f"parkstream:summary-api:{{{mall}}}:index:"
    names = [key.decode().removeprefix(prefix) for key in redis.scan_iter(f"{prefix}*")]
    return [name for name in names if name.isdecimal() or name == "undated"]


def forget_days(redis: Redis, mall: str) -> int:
    """Let all days expire."""
    prefix = f"parkstream:summary-api:{{{mall}}}:index:"
    days = days_of(redis, mall)
    return redis.delete(*[prefix + day for day in days])


def past(days: int) -> datetime:
    return NINE - timedelta(days=days)


def test_days_that_are_over_leave_and_their_visits_are_still_known(run_service, file, told, redis, mall):
    client = Client(run_service(MODULE, told).port)
    old = [[dated(number, past(days)) for number in range(3)] for days in range(40, 0, -1)]
    for items in old:
        assert client.post(*items) == ["written"] * 3
        assert len(days_of(redis, mall)) <= 4
    for items in old:
        assert client.post(*items) == ["duplicate"] * 3
        assert client.post(dated(0, items[0].exit_date_time, position=9)) == ["conflict"]
        assert client.visit(items[2].visit_id).json["position"] == 1
        assert len(days_of(redis, mall)) <= 4
    assert client.post(*[items[0] for items in old]) == ["duplicate"] * 40
    assert client.stats()["lines"] == len(lines_of(file.read_bytes())) == 120


def test_a_correction_of_a_day_that_is_over_counts_as_one(run_service, told, redis, mall):
    client = Client(run_service(MODULE, told).port)
    client.post(*[dated(number, past(9), outcome=Outcome.ENTRY_MISSED) for number in range(4)])
    forget_days(redis, mall)
    assert client.post(dated(2, past(9), 2), dated(3, past(9), 3, outcome=Outcome.RETRACTED)) == ["written"] * 2
    assert client.stats()["current"] == {"completed": 1, "entry_missed": 2, "exit_missed": 0, "retracted": 1}
    forget_days(redis, mall)
    assert client.post(dated(3, past(9), 2, outcome=Outcome.EXIT_MISSED)) == ["written"]
    assert client.stats()["visits"] == 4
    assert client.visit(dated(3, past(9)).visit_id).json["revision"] == 3


def test_ids_that_name_no_time_stay_and_are_restored_too(run_service, told, redis, mall):
    client = Client(run_service(MODULE, told).port)
    client.post(item(1), item(2), dated(1))
    assert redis.ttl(f"parkstream:summary-api:{{{mall}}}:index:undated") == -1
    forget_days(redis, mall)
    assert client.post(item(1), item(2, position=2), item(3)) == ["duplicate", "conflict", "written"]
    assert redis.ttl(f"parkstream:summary-api:{{{mall}}}:index:undated") == -1


def test_what_another_file_left_in_the_index_is_not_used(run_service, file, told, redis, mall):
    first = run_service(MODULE, told)
    Client(first.port).post(item(1), dated(1), dated(2))
    first.terminate()
    redis.delete(f"parkstream:summary-api:{{{mall}}}:index:mark")
    file.unlink()
    client = Client(run_service(MODULE, told).port)
    assert client.post(dated(1, position=2)) == ["written"]
    assert client.post(item(1), dated(2)) == ["written", "written"]


@pytest.mark.parametrize("today", [True, False])
def test_a_day_that_expired_is_whole_when_it_is_written_to_again(run_service, told, redis, mall, today):
    day = datetime.now(UTC) if today else past(3)
    client = Client(run_service(MODULE, told).port)
    client.post(dated(1, day), dated(2, day))
    assert forget_days(redis, mall) == 1
    assert client.post(dated(3, day)) == ["written"]
    assert client.post(dated(1, day), dated(2, day), dated(3, day)) == ["duplicate"] * 3


def test_what_is_left_of_a_restoring_that_died_is_not_used(run_service, told, redis, mall):
    client = Client(run_service(MODULE, told).port)
    client.post(dated(1), dated(2))
    [day] = days_of(redis, mall)
    key = f"parkstream:summary-api:{{{mall}}}:index:{day}"
    names = redis.hkeys(key)
    forget_days(redis, mall)
    redis.hset(f"parkstream:summary-api:{{{mall}}}:index:restoring:{day}", names[0], b"x" * 21)
    assert client.post(dated(1), dated(2), dated(1, position=2)) == ["duplicate", "duplicate", "conflict"]


def test_each_day_expires_by_itself(run_service, told, redis, mall):
    client = Client(run_service(MODULE, {**told, "PARKSTREAM_INDEX_DAYS": "2"}).port)
    now = time.time()
    client.post(dated(1, past(1)), dated(2, datetime.fromtimestamp(now, UTC)))
    left = sorted(redis.ttl(f"parkstream:summary-api:{{{mall}}}:index:{day}") for day in days_of(redis, mall))
    assert 0 < left[0] <= 600 < 2 * DAY_SECONDS - 600 < left[1] <= 3 * DAY_SECONDS


def test_a_lost_index_is_built_again_from_a_file_of_many_days(run_service, file, told, redis, mall):
    first = run_service(MODULE, told)
    client = Client(first.port)
    for days in range(30, 0, -1):
        client.post(*[dated(number, past(days), outcome=Outcome.EXIT_MISSED) for number in range(5)])
        client.post(dated(1, past(min(days + 10, 30)), 31 - days))
    before = client.stats()
    first.terminate()
    redis.flushdb()
    with file.open("ab") as lines:
        lines.write(encode(kept_of(dated(3, past(30), 2, outcome=Outcome.RETRACTED))) + b"\n")
    client = Client(run_service(MODULE, told).port)
    eventually(lambda: client.ask("/health/ready").status == 200)
    after = client.stats()
    assert (after["lines"], after["visits"]) == (before["lines"] + 1, before["visits"])
    assert after["current"] == before["current"] | {
        "exit_missed": before["current"]["exit_missed"] - 1,
        "retracted": before["current"]["retracted"] + 1,
    }
    assert client.post(dated(4, past(30)), dated(3, past(30), 2)) == ["conflict", "conflict"]
    assert len(days_of(redis, mall)) <= 4


def test_what_lies_beyond_the_end_of_a_cut_file_is_new_again(run_service, file, told):
    first = run_service(MODULE, told)
    client = Client(first.port)
    items = [dated(number, past(20 - number)) for number in range(10)]
    client.post(*items)
    first.terminate()
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join(lines[:6]))
    client = Client(run_service(MODULE, told).port)
    assert client.post(*items) == ["duplicate"] * 6 + ["written"] * 4


def test_redis_holds_as_much_after_many_days_as_after_few(run_service, told, redis, mall):
    client = Client(run_service(MODULE, told).port)
    used = []
    for days in range(60, 0, -1):
        for hundred in range(5):
            client.post(*[dated(hundred * 100 + number, past(days)) for number in range(100)])
        keys = list(redis.scan_iter(f"parkstream:summary-api:{{{mall}}}:*"))
        used.append(sum(redis.memory_usage(key) or 0 for key in keys))
    assert max(used[30:]) < 1.1 * max(used[5:20])
    assert max(used) < 4 * 500 * 150 + 20_000


def test_pages_show_what_is_current_of_days_that_are_over(run_service, told, redis, mall):
    client = Client(run_service(MODULE, told).port)
    for days in range(12, 0, -1):
        client.post(dated(1, past(days)), dated(2, past(days)))
    client.post(*[dated(1, past(days), 2) for days in range(12, 0, -1)])
    forget_days(redis, mall)
    assert len(client.visits()) == 24
    assert client.visits(limit=3) == [dated(2, past(days)).visit_id for days in (12, 11, 10)]
