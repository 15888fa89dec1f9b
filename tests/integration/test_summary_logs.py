"""The file is of one log: summaries of another are refused, those of one that was adopted later begin a new file."""

import pytest
from parkstream_events.marks import LOG_HEADER, LogName
from summary_client import Client, environ, eventually
from summary_items import body, item, lines_of

OLD, NEW = LogName(1, "old"), LogName(2, "new")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "summaries.jsonl"


@pytest.fixture
def start(run_service, file, redis_url, mall):
    return lambda: run_service("parkstream_summary_api", environ(file, redis_url, mall))


def posted(port: int, log: LogName, *items):
    client = Client(port)
    client.headers[LOG_HEADER] = log.text
    return client.ask("/v1/summaries", body(*items))


def statuses(answer) -> list[str]:
    return [result["status"] for result in answer.json["results"]]


def test_a_log_that_was_adopted_later_begins_a_new_file_and_the_old_one_is_kept(start, file):
    api = start()
    assert statuses(posted(api.port, OLD, item(1), item(2))) == ["written", "written"]
    old = file.read_bytes()
    assert statuses(posted(api.port, NEW, item(2), item(3))) == ["written", "written"]
    assert file.with_name("summaries.old.jsonl").read_bytes() == old
    assert [line["visit_id"] for line in lines_of(file.read_bytes())] == ["exit:2", "exit:3"]
    eventually(lambda: Client(api.port).ask("/health/ready").status == 200)
    assert Client(api.port).stats()["lines"] == 2
    assert Client(api.port).visit("exit:1").status == 404
    assert statuses(posted(api.port, NEW, item(2))) == ["duplicate"]


def test_summaries_of_the_log_before_are_refused_also_after_a_restart(start, file):
    api = start()
    posted(api.port, NEW, item(1))
    content = file.read_bytes()
    for _ in range(2):
        answer = posted(api.port, OLD, item(2))
        assert (answer.status, answer.json["type"].rpartition(":")[2].rpartition("/")[2]) == (503, "other-log")
        assert "is of the log new, these summaries are of old" in answer.json["detail"]
        assert file.read_bytes() == content
        api.terminate()
        api = start()
    assert statuses(posted(api.port, NEW, item(1))) == ["duplicate"]


def test_the_same_log_found_again_later_goes_on_with_its_file(start, file):
    api = start()
    posted(api.port, OLD, item(1))
    assert statuses(posted(api.port, LogName(9, "old"), item(1), item(2))) == ["duplicate", "written"]
    assert len(lines_of(file.read_bytes())) == 2


def test_a_name_that_is_none_is_refused(start, file):
    client = Client(start().port)
    client.headers[LOG_HEADER] = "no name"
    answer = client.ask("/v1/summaries", body(item(1)))
    assert answer.status == 400
    assert file.read_bytes() == b""
