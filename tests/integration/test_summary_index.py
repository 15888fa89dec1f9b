import os
import resource
from hashlib import sha256
from pathlib import Path

import pytest
from parkstream_events.summaries import Outcome
from parkstream_events.wire import encode
from parkstream_summary_api.core.ledger import kept_of
from redis import Redis
from summary_client import Client, environ, eventually
from summary_items import body, item, lines_of

MODULE = "parkstream_summary_api"
LINES = int(os.environ.get("PARKSTREAM_TEST_LINES", "100000"))
"""With 1000000 it takes a minute."""


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


def line(*args, **kwargs) -> bytes:
    return encode(kept_of(item(*args, **kwargs))) + b"\n"


def keys(mall: str) -> tuple[str, str]:
    return f"parkstream:summary-api:{{{mall}}}:index:mark", f"parkstream:summary-api:{{{mall}}}:index:undated"


def rss_bytes(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()


def test_a_restart_forgets_nothing(run_service, file, told):
    first = run_service(MODULE, told)
    Client(first.port).post(item(1), item(2))
    first.terminate()
    second = Client(run_service(MODULE, told).port)
    assert second.post(item(1), item(2, position=9), item(3)) == ["duplicate", "conflict", "written"]
    assert len(lines_of(file.read_bytes())) == 3


def test_lines_that_were_never_indexed_are_found_at_the_start(run_service, file, told):
    first = run_service(MODULE, told)
    Client(first.port).post(item(1))
    first.kill()
    with file.open("ab") as lines:
        lines.write(line(2) + line(1, 2, outcome=Outcome.RETRACTED))
    second = Client(run_service(MODULE, told).port)
    assert second.stats()["lines"] == 3
    assert second.stats()["current"] == {"completed": 1, "entry_missed": 0, "exit_missed": 0, "retracted": 1}
    assert second.post(item(2)) == ["duplicate"]


@pytest.mark.parametrize("torn", [b'{"visit_id":"exit:2","revi', b"\0" * 100, line(2)[:-1]])
def test_a_torn_last_line_is_cut_off(run_service, file, told, torn):
    file.write_bytes(line(1) + torn)
    process = run_service(MODULE, told)
    assert file.read_bytes() == line(1)
    assert "summary_file.repaired" in process.output.read_text()
    assert Client(process.port).post(item(1), item(2)) == ["duplicate", "written"]
    assert file.read_bytes() == line(1) + line(2)


def test_a_file_that_is_something_else_is_left_alone(run_service, file, told):
    file.write_bytes(b"shopping list:\nmilk")
    process = run_service(MODULE, told, ready=False)
    eventually(lambda: not process.alive)
    assert process.exit_code == 73
    assert "does not end like a summary file" in process.last_lines()
    assert file.read_bytes() == b"shopping list:\nmilk"


def test_lines_that_nobody_can_read_are_counted_and_passed(run_service, file, told):
    file.write_bytes(line(1) + b"garbage\n" + line(2) + line(1))
    stats = Client(run_service(MODULE, told).port).stats()
    assert (stats["lines"], stats["unreadable"], stats["repeated"]) == (2, 1, 1)


def test_an_index_that_was_flushed_is_built_again_while_running(run_service, told, redis, mall, file):
    client = Client(run_service(MODULE, told).port)
    client.post(item(1), item(2, outcome=Outcome.EXIT_MISSED))
    before = client.stats()
    redis.delete(*keys(mall))
    assert client.post(item(1), item(3)) == ["duplicate", "written"]
    assert client.visit("exit:2").status == 200
    assert client.stats()["lines"] == before["lines"] + 1
    assert len(lines_of(file.read_bytes())) == 3


def test_a_reader_notices_a_flushed_index_too(run_service, told, redis, mall):
    client = Client(run_service(MODULE, told).port)
    client.post(item(1))
    redis.delete(*keys(mall))
    eventually(lambda: client.visit("exit:1").status == 200)
    assert client.visits() == ["exit:1"]


def test_another_file_in_its_place_gets_an_index_of_its_own(run_service, file, told):
    first = run_service(MODULE, told)
    Client(first.port).post(item(1), item(2), item(3))
    first.terminate()
    file.write_bytes(line(4) + line(2) + line(3) + line(5))
    second = run_service(MODULE, told)
    client = Client(second.port)
    assert "another_file" in second.output.read_text()
    assert client.post(item(1), item(2), item(4)) == ["written", "duplicate", "duplicate"]
    assert client.stats()["lines"] == 5


def test_what_lies_beyond_the_end_of_a_cut_file_is_forgotten(run_service, file, told):
    first = run_service(MODULE, told)
    Client(first.port).post(item(1), item(2), item(3))
    first.terminate()
    file.write_bytes(line(1))
    client = Client(run_service(MODULE, told).port)
    assert client.stats()["lines"] == 1
    assert client.post(item(1), item(2)) == ["duplicate", "written"]


def test_a_restart_with_many_lines_reads_only_their_end(run_service, file, told, redis, mall):
    with file.open("wb") as lines:
        lines.writelines(line(sha256(b"%d" % number).hexdigest()[:32]) for number in range(LINES))
    first = run_service(MODULE, told)
    eventually(lambda: Client(first.port).stats()["lines"] == LINES, 120)
    assert redis.hlen(keys(mall)[1]) == LINES
    first.kill()
    assert "summary_file.indexed" in first.output.read_text()
    second = run_service(MODULE, told)
    assert "summary_file.indexed" not in second.output.read_text()
    small = run_service(MODULE, {**told, "PARKSTREAM_SUMMARY_FILE": str(file) + ".2", "PARKSTREAM_MALL": mall + "-2"})
    assert Client(second.port).post(item(1)) == ["written"]
    assert Client(small.port).post(item(1)) == ["written"]
    assert rss_bytes(second.pid) - rss_bytes(small.pid) < 24 * 1024 * 1024


@pytest.mark.parametrize("meddle", ["moved", "deleted", "cut", "replaced", "edited"])
def test_a_file_that_somebody_meddles_with_is_not_written_to_and_not_ready(run_service, file, told, meddle):
    process = run_service(MODULE, told)
    client = Client(process.port)
    client.post(*[item(number) for number in range(1, 11)])
    content = file.read_bytes()
    match meddle:
        case "moved":
            file.rename(file.with_suffix(".1"))
        case "deleted":
            file.unlink()
        case "cut":
            os.truncate(file, len(content) // 2)
        case "replaced":
            file.rename(file.with_suffix(".1"))
            file.write_bytes(content)
        case _:
            file.write_bytes(content.replace(b"ABC123", b"ABC124", 1))
    ready = client.ask("/health/ready")
    assert ready.status == 503
    assert str(file) in ready.json["checks"]["file"]["detail"]
    for number in (1, 11):  # What is a duplicate as far as the index knows may be gone.
        answer = client.ask("/v1/summaries", body(item(number)))
        assert (answer.status, answer.json["type"]) == (503, "urn:parkstream:file-changed")
        assert "emit-missing" in answer.json["detail"]
    assert b"parking_summary_file_changed 1" in client.ask("/metrics").content
    assert "summary_file.write_failed" in process.output.read_text()
    assert process.alive
    if meddle == "moved":
        file.with_suffix(".1").rename(file)
        assert client.ask("/health/ready").status == 200
    else:
        assert process.terminate() == 0
        process.restart()
        process.wait_ready()
    assert set(client.post(*[item(number) for number in range(1, 12)])) <= {"written", "duplicate", "conflict"}
    assert len(lines_of(file.read_bytes())) == 11


def test_a_file_that_is_cut_while_it_is_read_is_no_server_error(run_service, file, told):
    client = Client(run_service(MODULE, told).port)
    client.post(*[item(number) for number in range(1, 11)])
    os.truncate(file, 700)
    assert client.ask("/v1/summaries").status == 503
    assert client.visit("exit:9").status == 503
