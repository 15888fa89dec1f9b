"""What a page in somebody's browser tries against a service that has no credential: over sockets, byte by byte."""

from collections.abc import Iterator

import pytest
from attacks import said_to, status_of
from console_service import start_console
from parkstream_devtools import ServiceProcess
from parkstream_devtools.servers.process import answers
from raw_http import ask, request, status
from summary_client import environ, eventually
from summary_items import body, item

EVIL = "http://evil.example"


@pytest.fixture(scope="module")
def summaries(sandbox, shared_redis, tmp_path_factory) -> Iterator[ServiceProcess]:
    file = tmp_path_factory.mktemp("foreign") / "summaries.jsonl"
    service = sandbox.service("parkstream_summary_api", environ(file, shared_redis.url, "foreign-requests"))
    service.wait_ready()
    yield service
    service.kill()


@pytest.fixture(scope="module")
def cameras(sandbox, shared_redis) -> Iterator[ServiceProcess]:
    """A generator whose RabbitMQ is away: it answers all the same."""
    away = {"PARKSTREAM_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:1/", "PARKSTREAM_REDIS_URL": shared_redis.url}
    service = sandbox.service("parkstream_entry_generator", away | {"PARKSTREAM_MALL": "foreign-requests"})
    wait_live(service)
    yield service
    service.kill()


@pytest.fixture(scope="module")
def console(sandbox, shared_redis) -> Iterator[ServiceProcess]:
    service = start_console(sandbox.service, shared_redis.url, "foreign-requests")
    service.wait_ready()
    yield service
    service.kill()


def wait_live(service: ServiceProcess) -> None:
    eventually(lambda: answers(service.port, b"GET /health/live HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"), 240)


ATTACKS = {
    "a name that was rebound": {"Host": "evil.example"},
    "a name that was rebound, with a port": {"Host": "evil.example:8000"},
    "a name that begins as ours": {"Host": "localhost.evil.example"},
    "a name that ends as ours": {"Host": "evil-localhost"},
    "a user before the name": {"Host": "localhost@evil.example"},
    "another address": {"Host": "192.168.1.20:8000"},
    "the address of all": {"Host": "0.0.0.0:8000"},
    "a name that cannot be": {"Host": "localhost:8000:80"},
    "no name": {"Host": ""},
    "a page of another site": {"Origin": EVIL},
    "a page without a site": {"Origin": "null"},
    "a page of a site that begins as ours": {"Origin": "http://localhost.evil.example"},
    "a site with our name as user": {"Origin": "http://localhost:8000@evil.example"},
    "a page of another site, in an old browser": {"Referer": "http://evil.example/"},
    "an extension": {"Origin": "chrome-extension://localhost"},
    "a picture in a page of another site": {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    "a link of another site": {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
    },
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
def test_no_page_reads_writes_or_stops_anything(summaries: ServiceProcess, cameras: ServiceProcess, attack):
    plain = {"Content-Type": "text/plain"} | attack
    as_json = {"Content-Type": "application/json"} | attack
    assert status(summaries.port, "/v1/summaries", plain, "POST", body(item())) == 403
    assert status(summaries.port, "/v1/summaries", as_json, "POST", body(item())) == 403
    assert status(cameras.port, "/v1/stop", attack, "POST") == 403
    for path in ("/v1/summaries", "/v1/stats", "/metrics", "/docs/openapi.json"):
        assert status(summaries.port, path, attack) == 403
    assert status(summaries.port, "/health/live", attack) == 200
    assert status(summaries.port, "/v1/stats", {}) == 200
    assert b'"lines":0' in ask(summaries.port, request("GET", "/v1/stats", [("Host", "localhost")]))[1]


LINKS = [ATTACKS["a link of another site"], ATTACKS["a page of another site, in an old browser"]]
"""Who follows a link may come to a page; an old browser does not say whether somebody does."""


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=list(ATTACKS))
def test_no_page_reads_the_console_or_acts_in_it(console: ServiceProcess, attack):
    form = {"Content-Type": "application/x-www-form-urlencoded"} | attack
    for path in ("/v1/state", "/v1/inside", "/v1/visits/AB1", "/v1/parked", "/live/now", "/metrics"):
        assert status(console.port, path, attack) == 403
    assert status(console.port, "/acts/switch", form, "POST", b"why=because") == 403
    assert status(console.port, "/logout", form, "POST", b"a=b") == 403
    assert status(console.port, "/", attack) == (200 if attack in LINKS else 403)
    assert status(console.port, "/health/live", attack) == 200


@pytest.mark.parametrize("hosts", [[], ["localhost", "evil.example"], ["evil.example", "localhost"]])
def test_a_request_names_one_host(summaries: ServiceProcess, hosts: list[str]):
    code, _ = ask(summaries.port, request("GET", "/v1/stats", [("Host", host) for host in hosts]))
    assert code in {400, 403}


GET = b"GET /v1/stats HTTP/1.1\r\nConnection: close\r\n"
POST = b"POST /v1/summaries HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
JSON = b"Content-Type: application/json\r\n"
CHUNKS = b"\r\n2\r\n[]\r\n0\r\n\r\n"
RAW = {
    "another host in the URL": (GET.replace(b"/v1", b"http://evil.example/v1") + b"Host: localhost\r\n\r\n", 403),
    "our host in the URL alone": (GET.replace(b"/v1", b"http://localhost/v1") + b"Host: evil.example\r\n\r\n", 403),
    "our host in both": (GET.replace(b"/v1", b"http://localhost/v1") + b"Host: localhost\r\n\r\n", 200),
    "a user in the URL": (GET.replace(b"/v1", b"http://localhost@evil/v1") + b"Host: localhost\r\n\r\n", 403),
    "a path through health": (GET.replace(b"/v1", b"/health/../v1") + b"Host: evil.example\r\n\r\n", 404),
    "a fragment of health": (GET.replace(b"stats", b"stats#/health/") + b"Host: evil.example\r\n\r\n", 403),
    "forwarded for us": (GET + b"Host: evil.example\r\nX-Forwarded-Host: localhost\r\n\r\n", 403),
    "HTTP/1.0 without a host": (b"GET /v1/stats HTTP/1.0\r\n\r\n", 403),
    "a folded host": (GET + b"Host: localhost\r\n evil.example\r\n\r\n", 400),
    "a host behind a folded line": (GET + b"X: y\r\n Host: evil.example\r\nHost: localhost\r\n\r\n", 400),
    "a space before the colon": (GET + b"Host : localhost\r\n\r\n", 400),
    "lines without return": (GET.replace(b"\r\n", b"\n") + b"Host: localhost\n\n", 400),
    "a zero in the host": (GET + b"Host: localhost\0evil.example\r\n\r\n", 400),
    "two origins": (GET + b"Host: localhost\r\nOrigin: http://localhost\r\nOrigin: http://evil.example\r\n\r\n", 403),
    "a page of ours, and another": (GET + b"Host: localhost\r\nReferer: http://localhost@evil.example/\r\n\r\n", 403),
    "asked by OPTIONS": (
        GET.replace(b"GET", b"OPTIONS") + b"Host: localhost\r\nOrigin: http://evil.example\r\n\r\n",
        403,
    ),
    "another method": (POST.replace(b"POST", b"GET") + b"X-HTTP-Method-Override: POST\r\n\r\n", 200),
    "TRACE": (GET.replace(b"GET", b"TRACE") + b"Host: localhost\r\n\r\n", 405),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "an upgrade": (GET + b"Host: evil.example\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQ\r\n\r\n", 403),
    "two kinds": (POST + b"Content-Type: text/plain\r\n" + JSON + b"Content-Length: 2\r\n\r\n[]", 415),
    "a kind as a parameter": (POST + b"Content-Type: text/plain;application/json\r\nContent-Length: 2\r\n\r\n[]", 415),
    "two lengths": (POST + JSON + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n[]", 400),
    "a length and chunks": (POST + JSON + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n" + CHUNKS, 400),
    "another coding": (POST + JSON + b"Transfer-Encoding: gzip, chunked\r\n" + CHUNKS, 400),
    "chunks, and not": (POST + JSON + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" + CHUNKS, 400),
    "chunks of HTTP/1.0": (POST.replace(b"1.1", b"1.0") + JSON + b"Transfer-Encoding: chunked\r\n" + CHUNKS, 400),
    "a compressed body": (POST + JSON + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b", 400),
    "a second request in the body": (POST + JSON + b"Content-Length: 2\r\n\r\n[]" + GET, 200),
}


@pytest.mark.parametrize("attack", RAW)
def test_nothing_is_read_in_two_ways(summaries: ServiceProcess, attack: str):
    content, code = RAW[attack]
    answer = said_to(summaries.port, content)
    assert status_of(answer) == code
    assert answer.count(b"\r\ncontent-length: ") == 1
    assert b"access-control-" not in answer.lower()


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_of_any_page_can_send_is_no_body(summaries: ServiceProcess, kind: str):
    headers = {"Content-Type": kind} if kind else {}
    assert status(summaries.port, "/v1/summaries", headers, "POST", body(item())) == 415
    chunked = headers | {"Transfer-Encoding": "chunked", "Host": "localhost"}
    content = request("POST", "/v1/summaries", list(chunked.items())) + b"2\r\n[]\r\n0\r\n\r\n"
    assert ask(summaries.port, content)[0] == 415


FRIENDS = {
    "by name": {"Host": "localhost"},
    "by name in capitals": {"Host": "LOCALHOST:1234"},
    "by address": {"Host": "127.0.0.1:8000"},
    "by the other address": {"Host": "[::1]:8000"},
    "by its own page": {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"},
    "by its own page, in an old browser": {"Referer": "http://localhost:8000/docs"},
    "typed into a browser": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
}


@pytest.mark.parametrize("friend", FRIENDS.values(), ids=list(FRIENDS))
def test_who_is_on_this_machine_is_answered(summaries: ServiceProcess, console: ServiceProcess, friend: dict[str, str]):
    assert status(summaries.port, "/v1/stats", friend) == 200
    assert status(console.port, "/v1/state", friend) == 200
    as_json = {"Content-Type": "application/json; charset=utf-8"} | friend
    assert status(summaries.port, "/v1/summaries", as_json, "POST", b"[]") == 200


def test_a_link_of_another_site_leads_to_the_page_of_the_api(summaries: ServiceProcess):
    assert status(summaries.port, "/docs", ATTACKS["a link of another site"]) == 200
    assert status(summaries.port, "/docs", ATTACKS["a picture in a page of another site"]) == 403


def test_names_are_a_setting(sandbox, shared_redis, tmp_path):
    names = {"PARKSTREAM_ALLOWED_HOSTS": "summary-api,localhost"}
    full = environ(tmp_path / "summaries.jsonl", shared_redis.url, "named", **names)
    service = sandbox.service("parkstream_summary_api", full)
    service.wait_ready()
    assert status(service.port, "/v1/stats", {"Host": "summary-api:8000"}) == 200
    assert status(service.port, "/v1/stats", {"Origin": "http://summary-api"}) == 200
    assert status(service.port, "/v1/stats", {"Host": "[::1]"}) == 403
    service.kill()
