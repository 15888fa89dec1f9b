"""Whatever is asked of an API: an answer, or a problem that names the field; never a server error."""

import socket
from collections.abc import Iterator
from itertools import product

import pytest
from console_service import start_console
from parkstream_events.wire import encode
from summary_client import Client, environ
from summary_items import item

ODD = ["", "-1", "0", "1.5", "1e400", "NaN", "Infinity", "9" * 400, "9" * 6_000, "253402300800", "\x00", "a\nb", "true"]
REST = b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
SHOWN = {200, 202, 400, 404, 409}
"""What a page may answer."""
MANY_NUMBERS = [b"1" + b"0" * 400, b"1" + b"0" * 9_000, b"-1", b"1.5", b"1e400", b"1" + b"0" * 16]


@pytest.fixture(scope="module")
def api(sandbox, shared_redis, tmp_path_factory) -> Client:
    told = environ(tmp_path_factory.mktemp("odd") / "summaries.jsonl", shared_redis.url, "odd")
    process = sandbox.service("parkstream_summary_api", told)
    process.wait_ready()
    client = Client(process.port)
    client.post(item(1))
    return client


@pytest.mark.parametrize("field", ["outcome", "plate", "from", "to", "current", "cursor", "limit"])
@pytest.mark.parametrize("value", ODD)
def test_a_list_is_given_or_the_parameter_is_named(api, field, value):
    answer = api.ask("/v1/summaries", **{field: value})
    assert answer.status in {200, 400}
    if answer.status == 400:
        assert [error["field"] for error in answer.json["errors"]] == [field]


@pytest.mark.parametrize("value", ["253402300800", "1769850000", "1.5", "2026-01-31", "9" * 400])
def test_a_number_is_no_time(api, value):
    answer = api.ask("/v1/summaries", **{"from": value})
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "from")


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_the_first_and_the_last_time_are_times(api, moment):
    assert api.ask("/v1/summaries", **{"from": moment, "to": moment}).status == 200


@pytest.mark.parametrize("value", ODD)
def test_a_revision_is_found_or_the_parameter_is_named(api, value):
    answer = api.visit("exit:1", revision=value)
    assert (answer.status, answer.json["errors"][0]["field"]) == (400, "revision")


@pytest.mark.parametrize(
    "path", [b"%00", b"%FF", b"%ED%A0%80", b"%0A", b"a/../b", b"%2e%2e", b"x" * 4_000, b"exit:1%00", b"..%2f..%2fetc"]
)
def test_an_id_that_is_odd_is_unknown(api, path):
    assert status_of(api, b"GET /v1/summaries/" + path + REST + b"\r\n") == 404


@pytest.mark.parametrize(
    "query", [b"from=%FF", b"plate=%ED%A0%80", b"limit", b"=", b"&&", b"limit=1&limit=2", b"cursor=%00"]
)
def test_a_query_that_is_odd_is_no_server_error(api, query):
    request = b"GET /v1/summaries?" + query + REST + b"\r\n"
    assert status_of(api, request) in {200, 400}


@pytest.mark.parametrize("header", [b"x-sent-at-us: " + b"9" * 400, b"x-sent-at-us: \xb2", b"traceparent: 00-\xff"])
def test_a_header_that_is_odd_keeps_nothing_from_being_written(api, header):
    content = encode(item(2))
    head = b"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n" % len(
        content
    )
    head += b"Content-Type: application/json\r\n"
    assert status_of(api, head + header + b"\r\n\r\n" + content) == 200


@pytest.mark.parametrize("field", ["position", "duration_ms", "published_at_us", "revision"])
@pytest.mark.parametrize("number", MANY_NUMBERS)
def test_a_number_beyond_its_bounds_is_refused_and_the_writer_goes_on(api, field, number):
    known = encode(item(3))
    odd = encode(item(4)).replace(b'"%s":' % field.encode(), b'"%s":%s,"x":' % (field.encode(), number), 1)
    answer = api.ask("/v1/summaries", b"[" + odd + b"," + known + b"]")
    refused, kept = answer.json["results"]
    assert (refused["status"], kept["status"] in {"written", "duplicate"}) == ("invalid", True)
    assert f"`$.{field}`" in refused["problem"]
    assert api.stats()["position"] == 1


@pytest.fixture(scope="module")
def console(sandbox, shared_redis) -> Iterator[Client]:
    process = start_console(sandbox.service, shared_redis.url, "odd-console")
    process.wait_ready()
    yield Client(process.port)
    assert process.terminate() == 0


def test_a_console_answers_whatever_it_is_asked(console):
    values = [*ODD, "18446744073709551616", "99999999999999999999"]
    for path, field, value in product(["/v1/inside", "/v1/parked"], ["cursor", "count"], values):
        answer = console.ask(path, **{field: value})
        assert answer.status in {200, 400}, (path, field, value)
        if answer.status == 400:
            assert [error["field"] for error in answer.json["errors"]] == [field]
    for path in (b"%00", b"%FF", b"%0A", b"x" * 4_000, b"%F0%9F%9A%97"):
        request = b"GET /v1/visits/" + path + REST + b"\r\n"
        assert status_of(console, request) == 400


PAGES = {
    "/": ["times"],
    "/find": ["q", "before"],
    "/login": ["to"],
    "/time": ["position", "recorded", "happened", "plate", "find", "page"],
    "/time/what-if": ["plate", "max_stay"],
    "/visits/exit:1": ["record", "times"],
    "/plates/AB1": ["times"],
    "/acts/switch": ["what"],
}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_shown_or_says_what_cannot_be_taken(console: Client, page: str):
    for field, value in product(PAGES[page], ODD):
        assert console.ask(page, **{field: value}).status in SHOWN, (field, value)
    for query in (
        b"%FF",
        b"a=%ED%A0%80",
        b"a=%00",
        b"\xff",
        b"a=\xff&b=\xc3",
        b"times=\xb2",
        b"q=\xed\xa0\x80",
        b"&&=&",
    ):
        request = b"GET " + page.encode() + b"?" + query + REST + b"\r\n"
        assert status_of(console, request) in SHOWN, query


def status_of(api: Client, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", api.port), timeout=30) as connection:
        connection.sendall(request)
        return int(connection.makefile("rb").readline().split()[1])
