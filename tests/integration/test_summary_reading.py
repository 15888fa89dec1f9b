from datetime import timedelta

import pytest
from parkstream_events.summaries import Outcome
from summary_client import Client, environ
from summary_items import NINE, item

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def api(sandbox, shared_redis, tmp_path_factory) -> Client:
    """A server with five visits, the second of them corrected."""
    told = environ(tmp_path_factory.mktemp("reading") / "summaries.jsonl", shared_redis.url, "reading")
    process = sandbox.service("parkstream_summary_api", told)
    process.wait_ready()
    client = Client(process.port)
    client.post(
        item(1, vehicle_plate="AAA1"),
        item(2, outcome=Outcome.ENTRY_MISSED, entry_date_time=None, exit_date_time=NINE + 2 * HOUR),
        item(3, exit_date_time=NINE + 3 * HOUR),
        item(2, 2, exit_date_time=NINE + 2 * HOUR),
        item(4, outcome=Outcome.EXIT_MISSED, exit_date_time=None, entry_date_time=NINE + 4 * HOUR),
        item(5, outcome=Outcome.RETRACTED, entry_date_time=None, exit_date_time=None),
    )
    return client


def test_current_summaries_come_in_the_order_in_which_they_were_written(api):
    assert api.visits() == ["exit:1", "exit:3", "exit:2", "exit:4", "exit:5"]


def test_older_revisions_come_on_request(api):
    assert api.visits(current="false") == ["exit:1", "exit:2", "exit:3", "exit:2", "exit:4", "exit:5"]
    assert api.visits(current="false", outcome="entry_missed") == ["exit:2"]


def test_an_outcome_that_was_corrected_is_not_current(api):
    assert api.visits(outcome="entry_missed") == []
    assert api.visits(outcome="completed") == ["exit:1", "exit:3", "exit:2"]
    assert api.visits(outcome="exit_missed") == ["exit:4"]


def test_a_plate_is_found_however_it_is_written(api):
    assert api.visits(plate="aaa-1") == api.visits(plate="AAA 1") == ["exit:1"]
    assert api.visits(plate="ZZZ") == []


def test_times_are_those_of_the_exit_or_else_of_the_entry(api):
    assert api.visits(**{"from": "2026-01-31T11:00:00Z", "to": "2026-01-31T12:00:00Z"}) == ["exit:2"]
    assert api.visits(**{"from": "2026-01-31T14:00:00+02:00"}) == ["exit:3", "exit:4"]
    assert api.visits(to="2026-01-31T10:30:00Z") == ["exit:1"]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
@pytest.mark.parametrize("query", [{}, {"current": "false"}, {"outcome": "completed"}])
def test_pages_add_up_to_the_whole(api, query, limit):
    pages, cursor = [], {}
    while True:
        page = api.ask("/v1/summaries", limit=limit, **query, **cursor).json
        assert len(page["summaries"]) <= limit
        pages += [(summary["visit_id"], summary["revision"]) for summary in page["summaries"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    whole = api.ask("/v1/summaries", **query).json["summaries"]
    assert pages == [(summary["visit_id"], summary["revision"]) for summary in whole]


def test_a_cursor_stays_good_while_lines_are_added(run_service, tmp_path, redis_url, mall):
    port = run_service("parkstream_summary_api", environ(tmp_path / "summaries.jsonl", redis_url, mall)).port
    client = Client(port)
    client.post(item(1), item(2))
    cursor = client.ask("/v1/summaries", limit=1).json["next_cursor"]
    client.post(item(3), item(1, 2))
    assert client.visits(cursor=cursor) == ["exit:2", "exit:3", "exit:1"]
