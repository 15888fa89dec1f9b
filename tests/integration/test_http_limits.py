"""Nobody exhausts a service over HTTP: what a stranger may take is bounded, and health answers meanwhile."""

import json
import socket
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest
from attacks import (
    CHUNK,
    MIB,
    answer_of,
    begin_of,
    connected,
    crowd,
    flooded,
    live,
    open_sockets,
    peak_bytes,
    refusals,
    said_to,
    send_or_be_cut,
    status_of,
)
from parkstream_devtools import ServiceProcess
from parkstream_devtools.servers.process import answers
from parkstream_events.wire import encode
from parkstream_summary_api.bodies import BODY_BYTES_MAX
from summary_client import Client, environ, eventually
from summary_items import item

POST = b"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
GET = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n"
HALF = b"GET /health/live HTTP/1.1\r\nHost: loc"
PATIENT = "600"
"""Seconds that no test waits."""


def served(sandbox, shared_redis, folder, mall: str, **more: str) -> Iterator[ServiceProcess]:
    told = environ(folder / "summaries.jsonl", shared_redis.url, mall, **more)
    process = sandbox.service("parkstream_summary_api", told)
    process.wait_ready()
    yield process
    assert process.terminate() == 0


@pytest.fixture(scope="module")
def api(sandbox, shared_redis, tmp_path_factory):
    """A server that waits for as long as it takes."""
    patient = {"PARKSTREAM_HTTP_HEAD_SECONDS": PATIENT, "PARKSTREAM_HTTP_BODY_SECONDS": PATIENT}
    yield from served(sandbox, shared_redis, tmp_path_factory.mktemp("patient"), "patient", **patient)


@pytest.fixture(scope="module")
def hasty(sandbox, shared_redis, tmp_path_factory):
    """A server that waits for a moment; for a head so long that who asks for figures is not late."""
    times = {"PARKSTREAM_HTTP_HEAD_SECONDS": "5", "PARKSTREAM_HTTP_BODY_SECONDS": "1"}
    yield from served(sandbox, shared_redis, tmp_path_factory.mktemp("hasty"), "hasty", **times)


@pytest.mark.parametrize(
    ("head", "chunk", "reason"),
    [
        (GET + b"X-Much: ", CHUNK, "head_size"),
        (GET, b"x: y\r\n" * 10_000, "head_size"),
        (b"GET /", CHUNK, "url_size"),
        (CHUNKED, b"10000\r\n" + CHUNK + b"\r\n", "body_size"),
        (CHUNKED, b"1;" + b"x" * 1000 + b"\r\na\r\n", "body_size"),
        (CHUNKED + b"0\r\n", b"x: y\r\n" * 10_000, "body_size"),
        (b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n", CHUNK, "body_size"),
        (b"\x16\x03\x01\x02", CHUNK, "malformed"),
    ],
    ids=["header", "headers", "url", "body", "chunk extensions", "trailers", "unread", "no http"],
)
def test_a_request_of_100_mib_is_cut_off_and_costs_next_to_nothing(api, head, chunk, reason):
    refused, before = refusals(api.port)(reason), peak_bytes(api.pid)
    assert not flooded(api.port, head, 100 * MIB, chunk)
    assert peak_bytes(api.pid) < before + 40 * MIB
    eventually(lambda: refusals(api.port)(reason) == refused + 1)


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /" + b"a" * 8_000 + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", 404),
        (b"GET /" + b"a" * 8_200 + b" HTTP/1.1\r\n", 414),
        (GET + b"Connection: close\r\nX: " + b"a" * 16_000 + b"\r\n\r\n", 200),
        (GET + b"X: " + b"a" * 16_400, 431),
        (b"no HTTP at all\r\n\r\n", 400),
        (GET + b"Connection: close, Upgrade\r\nUpgrade: websocket\r\n\r\n", 200),
        (GET + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc", 200),
    ],
)
def test_what_is_within_the_limits_is_answered_and_what_is_not_is_told_why(api, sent, status):
    answer = said_to(api.port, sent)
    assert status_of(answer) == status
    if status in {400, 414, 431}:
        problem = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert (problem["type"], problem["status"]) == ("about:blank", status)
        assert b"content-type: application/problem+json" in answer


def test_a_million_items_are_refused_before_anything_is_made_of_them(api):
    before = peak_bytes(api.pid)
    for body in (b"[" + b"1," * 3_000_000 + b"1]", b'[{"visit_id":[' + b"{}," * 2_000_000 + b'{}],"revision":1}]'):
        answer = Client(api.port).ask("/v1/summaries", body)
        assert answer.status in {200, 413}
        if answer.status == 200:
            assert answer.json["results"][0]["status"] == "invalid"
    assert peak_bytes(api.pid) < before + 60 * MIB


def test_half_requests_take_neither_health_nor_memory(api):
    before, open_before = peak_bytes(api.pid), open_sockets(api.pid)
    with crowd(api.port, 1_500, HALF):
        assert [live(api.port) for _ in range(5)] == [200] * 5
        assert Client(api.port).post(item("half")) == ["written"]
        assert open_sockets(api.pid) <= open_before + 256
        assert peak_bytes(api.pid) < before + 40 * MIB
        assert refusals(api.port)("connections") >= 1_500 - 256


@pytest.mark.parametrize("sent", [b"", GET + b"\r\n", POST + b"Content-Length: 99\r\n\r\n["])
def test_health_answers_whatever_fills_the_connections(api, sent):
    with crowd(api.port, 300, sent):
        assert live(api.port) == 200


def test_who_asks_for_nothing_more_makes_room(api):
    with crowd(api.port, 300, GET + b"\r\n") as connections:
        statuses = [status_of(begin_of(connection)) for connection in connections]
        assert statuses.count(200) >= 200  # Whoever was answered is idle.
        assert [live(api.port) for _ in range(5)] == [200] * 5


def test_who_was_waiting_first_makes_room_and_who_is_served_keeps_his_connection(api):
    kept = HTTPConnection("127.0.0.1", api.port, timeout=60)
    kept.request("GET", "/v1/stats")
    assert kept.getresponse().read()
    socket_before = kept.sock
    with crowd(api.port, 600, HALF):
        kept.request("GET", "/v1/stats")
        assert kept.getresponse().read()
        assert kept.sock is socket_before
    kept.close()


def test_bodies_that_never_end_hold_no_more_than_is_allowed(api):
    before = peak_bytes(api.pid)
    head = POST + b"Content-Length: %d\r\n\r\n" % (BODY_BYTES_MAX - 1)
    with crowd(api.port, 40, head) as connections:
        for connection in connections:
            send_or_be_cut(connection, b"[" + b" " * (BODY_BYTES_MAX - 100))
        assert Client(api.port).post(item("held")) == ["written"]
        assert refusals(api.port)("memory") > 0
        assert peak_bytes(api.pid) < before + 100 * MIB


def test_requests_in_one_line_without_end_are_cut_off(api):
    before = peak_bytes(api.pid)
    with connected(api.port) as connection:
        send_or_be_cut(connection, (GET + b"\r\n") * 50_000)
        answer_of(connection)
    assert peak_bytes(api.pid) < before + 40 * MIB
    assert refusals(api.port)("pipeline") >= 1


def test_a_few_requests_in_one_line_are_answered_in_turn(api):
    sent = (GET + b"\r\n") * 7 + GET + b"Connection: close\r\n\r\n"
    assert said_to(api.port, sent).count(b"HTTP/1.1 200 OK") == 8


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        (b"", 408, "head_time"),
        (HALF, 408, "head_time"),
        (GET + b"\r\n" + HALF, 200, "head_time"),
        (POST + b"Content-Length: 99\r\n\r\n[", 408, "body_time"),
    ],
)
def test_who_sends_too_slowly_is_told_and_cut_off(hasty, sent, status, reason):
    before = refusals(hasty.port)(reason)
    answer = said_to(hasty.port, sent)
    assert status_of(answer) == status
    assert b" 408 " in answer
    assert refusals(hasty.port)(reason) == before + 1


def test_who_reads_no_answer_is_cut_off(hasty):
    with connected(hasty.port, receive_bytes=4_096) as connection:
        connection.setblocking(False)

        def cut() -> bool:
            send_or_be_cut(connection, b"GET /docs/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return refusals(hasty.port)("answer_time") == 1

        eventually(cut, 240)


def test_who_is_slow_but_in_time_is_answered(api):
    with connected(api.port) as connection:
        body = encode([item("slow")])
        for byte in POST + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body:
            connection.sendall(bytes([byte]))
        assert status_of(answer_of(connection)) == 200


def test_refusals_are_logged_at_a_bounded_rate(api):
    lines = [json.loads(line) for line in api.output.read_text().splitlines() if line.startswith("{")]
    refused = [line for line in lines if line["event"] == "http.refused"]
    total = sum(map(refusals(api.port), ("connections", "head_size", "malformed", "memory")))
    assert 1 <= len(refused) < total / 50
    assert not [line for line in lines if line["event"] == "library.logged"]


def test_health_answers_while_every_connection_has_a_request_at_work(sandbox, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        more = {"PARKSTREAM_HTTP_CONNECTIONS_MAX": "16"}
        told = environ(tmp_path / "summaries.jsonl", f"redis://127.0.0.1:{silent.getsockname()[1]}", "silent", **more)
        process = sandbox.service("parkstream_summary_api", told)
        eventually(lambda: answers(process.port), 240)
        with crowd(process.port, 40, b"GET /v1/summaries/x HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            assert live(process.port) == 200
            assert refusals(process.port)("connections") >= 40 - 16
        process.kill()


@pytest.mark.parametrize(
    "module",
    ["parkstream_backend", "parkstream_console", "parkstream_entry_generator", "parkstream_exit_generator"],
)
def test_every_port_has_the_limits(module, run_service, redis_url, mall):
    nowhere = {"PARKSTREAM_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:1/", "PARKSTREAM_REDIS_URL": redis_url}
    told = {**nowhere, "PARKSTREAM_MALL": mall, "PARKSTREAM_HTTP_CONNECTIONS_MAX": "16"}
    process = run_service(module, told, ready=False)
    eventually(lambda: answers(process.port), 240)
    assert status_of(said_to(process.port, GET + b"X: " + b"a" * 16_400)) == 431
    with crowd(process.port, 40, HALF):
        assert live(process.port) == 200
        assert refusals(process.port)("connections") >= 24
