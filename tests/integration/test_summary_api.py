import pytest
from parkstream_events.summaries import Outcome
from parkstream_events.wire import encode
from summary_client import Client, environ, eventually
from summary_items import body, item, lines_of

SEEN_AT_US = 1_769_853_600_000_000


@pytest.fixture(scope="module")
def empty_api(sandbox, shared_redis, tmp_path_factory) -> Client:
    """A server that nothing is written to."""
    told = environ(tmp_path_factory.mktemp("empty") / "summaries.jsonl", shared_redis.url, "empty")
    process = sandbox.service("parkstream_summary_api", told)
    process.wait_ready()
    return Client(process.port)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "summaries.jsonl"


@pytest.fixture
def api(run_service, file, redis_url, mall) -> Client:
    return Client(run_service("parkstream_summary_api", environ(file, redis_url, mall)).port)


def test_what_is_answered_as_written_is_one_line_in_the_file(api, file):
    assert api.post(item(1), item(2)) == ["written", "written"]
    assert [line["visit_id"] for line in lines_of(file.read_bytes())] == ["exit:1", "exit:2"]


def test_one_object_is_taken_as_well_as_an_array(api):
    answer = api.ask("/v1/summaries", encode(item()))
    assert answer.json == {"results": [{"visit_id": "exit:1", "revision": 1, "status": "written"}]}


def test_a_summary_is_written_once_however_often_it_is_posted(api, file):
    assert api.post(item(), item()) == ["written", "duplicate"]
    assert api.post(item()) == ["duplicate"]
    assert len(lines_of(file.read_bytes())) == 1


def test_another_content_for_a_revision_is_a_conflict_and_changes_nothing(api, file):
    api.post(item())
    assert api.post(item(position=2), item(2)) == ["conflict", "written"]
    assert [line["position"] for line in lines_of(file.read_bytes())] == [1, 1]
    assert api.visit("exit:1").json["position"] == 1


def test_an_invalid_item_is_told_and_the_others_are_written(api, file):
    answer = api.ask("/v1/summaries", b"[" + encode(item(1)) + b',{"visit_id":"bad"},' + encode(item(2)) + b"]")
    statuses = [(result["visit_id"], result["status"]) for result in answer.json["results"]]
    assert statuses == [("exit:1", "written"), ("bad", "invalid"), ("exit:2", "written")]
    assert "revision" in answer.json["results"][1]["problem"]
    assert len(lines_of(file.read_bytes())) == 2


def test_an_empty_array_is_nothing_to_do(api):
    assert api.ask("/v1/summaries", b"[]").json == {"results": []}


@pytest.mark.parametrize(
    ("path", "content", "query", "told"),
    [
        ("/v1/summaries", b'[{"visit_id":', {}, (400, "urn:parkstream:malformed-json", ["$"])),
        ("/v1/summaries", body(*[item(n) for n in range(101)]), {}, (413, "urn:parkstream:too-many", ["$"])),
        ("/v1/summaries", b"[" + b" " * 7_000_000 + b"]", {}, (413, "urn:parkstream:too-large", ["$"])),
        ("/v1/summaries", None, {"limit": 0, "outcome": "lost"}, (400, "about:blank", ["outcome", "limit"])),
        ("/v1/summaries", None, {"limit": "many"}, (400, "about:blank", ["limit"])),
        ("/v1/summaries", None, {"from": "2026-01-31T09:00:00"}, (400, "urn:parkstream:wrong-field", ["from"])),
        ("/v1/summaries", None, {"plate": "?!"}, (400, "urn:parkstream:wrong-field", ["plate"])),
        ("/v1/summaries", None, {"cursor": "7"}, (400, "urn:parkstream:wrong-field", ["cursor"])),
        ("/v1/summaries", None, {"cursor": "x"}, (400, "urn:parkstream:wrong-field", ["cursor"])),
        ("/v1/summaries/exit:none", None, {}, (404, "urn:parkstream:unknown-visit", [])),
        ("/v2", None, {}, (404, "about:blank", [])),
    ],
)
def test_a_problem_says_what_is_wrong_and_where(empty_api, path, content, query, told):
    answer = empty_api.ask(path, content, **query)
    status, type_, fields = told
    assert answer.status == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json
    assert (problem["status"], problem["type"]) == (status, type_)
    assert problem["title"]
    assert problem["detail"]
    assert [error["field"] for error in problem.get("errors", [])] == fields


def test_a_visit_is_found_by_its_id_and_its_greatest_revision_is_current(api):
    api.post(item("a/b c", 1, outcome=Outcome.ENTRY_MISSED), item("a/b c", 2))
    assert api.visit("exit:a/b c").json["revision"] == 2
    assert api.visit("exit:a/b c", revision=1).json["outcome"] == "entry_missed"
    assert api.visit("exit:a/b c", revision=3).status == 404


def test_stats_count_what_the_file_holds(api, file):
    api.post(item(1, outcome=Outcome.ENTRY_MISSED), item(2), item(3, outcome=Outcome.EXIT_MISSED), item(4))
    api.post(item(1, 2), item(4, 2, outcome=Outcome.RETRACTED, superseded_by="exit:2"))
    stats = api.stats()
    assert (stats["lines"], stats["visits"], stats["bytes"]) == (6, 4, file.stat().st_size)
    assert stats["current"] == {"completed": 2, "entry_missed": 0, "exit_missed": 1, "retracted": 1}
    assert stats["exit_to_disk_ms"] == {"p50": None, "p95": None, "p99": None}


def test_stats_tell_how_long_exits_took_to_the_disk_apart_from_held_ones(api):
    api.post(item(1, published_at_us=SEEN_AT_US))
    stats = api.stats()
    assert stats["exit_to_disk_ms"]["p50"] > 0
    assert stats["pending_exit_to_disk_ms"]["p50"] is None
    api.post(item(2, outcome=Outcome.ENTRY_MISSED, published_at_us=SEEN_AT_US))
    assert api.stats()["pending_exit_to_disk_ms"]["p99"] > 0


def test_a_token_guards_v1_and_metrics_and_nothing_else(run_service, file, redis_url, mall):
    port = run_service("parkstream_summary_api", environ(file, redis_url, mall, PARKSTREAM_API_TOKEN="secret")).port
    for stranger in (Client(port), Client(port, "guess"), Client(port, "sécret")):
        refused = stranger.ask("/v1/summaries", body(item()))
        assert (refused.status, refused.json["title"]) == (401, "Unauthorized")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        for path in ("/v1/stats", "/metrics"):
            assert stranger.ask(path).status == 401
        for path in ("/health/live", "/health/ready", "/docs"):
            assert stranger.ask(path).status == 200
    assert file.read_bytes() == b""
    assert Client(port, "secret").post(item()) == ["written"]


def test_metrics_and_docs_are_served_without_any_other_server(api):
    api.post(item())
    metrics = api.ask("/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert b"summary_file" in metrics.content
    page = api.ask("/docs").content
    assert b"Parkstream summary-api" in page
    assert b"//cdn" not in page
    assert b"src=" not in page


def test_a_sigterm_ends_it_in_good_order(run_service, file, redis_url, mall):
    process = run_service("parkstream_summary_api", environ(file, redis_url, mall))
    Client(process.port).post(item())
    assert process.terminate() == 0
    assert len(lines_of(file.read_bytes())) == 1


def test_two_writers_of_one_file_are_refused(run_service, file, redis_url, mall):
    first = run_service("parkstream_summary_api", environ(file, redis_url, mall))
    second = run_service("parkstream_summary_api", environ(file, redis_url, mall), ready=False)
    eventually(lambda: not second.alive)
    assert second.exit_code == 73
    assert "is being written by another process" in second.last_lines()
    assert Client(first.port).post(item()) == ["written"]
