"""What a page in somebody's browser tries against a service that has no credential: over sockets, byte by byte."""

from collections.abc import Iterator

import pytest
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


def wait_live(service: ServiceProcess) -> None:
    eventually(lambda: answers(service.port, b"GET /health/live HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"), 60)


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


@pytest.mark.parametrize("hosts", [[], ["localhost", "evil.example"], ["evil.example", "localhost"]])
def test_a_request_names_one_host(summaries: ServiceProcess, hosts: list[str]):
    code, _ = ask(summaries.port, request("GET", "/v1/stats", [("Host", host) for host in hosts]))
    assert code in {400, 403}


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
    "typed into a browser": {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
}


@pytest.mark.parametrize("friend", FRIENDS.values(), ids=list(FRIENDS))
def test_who_is_on_this_machine_is_answered(summaries: ServiceProcess, friend: dict[str, str]):
    assert status(summaries.port, "/v1/stats", friend) == 200
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
