"""Each request that is refused is counted once, by the reason for which it was."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from attacks import answer_of, connected, said_to, send_or_be_cut, status_of
from parkstream_devtools import ServiceProcess
from parkstream_summary_api.bodies import BODY_BYTES_MAX
from summary_client import environ

READER, SCRAPER = "a-secret-of-the-reader", "a-secret-of-the-scraper"
CALLERS = {
    "reader": {"roles": ["visits:read"], "secrets": [READER]},
    "scraper": {"roles": ["metrics", "summaries:write"], "secrets": [SCRAPER]},
}


class Attempt(NamedTuple):
    status: int
    sent: bytes


def get(*headers: str, path: str = "/v1/stats", secret: str = READER, host: str = "localhost") -> bytes:
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", "Connection: close", *headers]
    return "\r\n".join([*lines, *([f"Authorization: Bearer {secret}"] if secret else []), "", ""]).encode()


def post(length: int, body: bytes = b"", kind: str = "application/json") -> bytes:
    lines = ["POST /v1/summaries HTTP/1.1", "Host: localhost", "Connection: close", f"Content-Type: {kind}"]
    return (
        "\r\n".join([*lines, f"Authorization: Bearer {SCRAPER}", f"Content-Length: {length}", "", ""]).encode() + body
    )


def chunked(size: int) -> bytes:
    head = post(0).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    return head + b"10000\r\n" + b"a" * 65_536 + (b"\r\n10000\r\n" + b"a" * 65_536) * (size // 65_536)


REASONS = {
    "malformed": Attempt(400, b"GARBAGE\r\n\r\n"),
    "url_size": Attempt(414, get(path="/" + "a" * 9_000)),
    "head_size": Attempt(431, get(f"X: {'a' * 17_000}")),
    "body_size": Attempt(413, post(BODY_BYTES_MAX + 1)),
    "body_size, in chunks": Attempt(413, chunked(BODY_BYTES_MAX * 3)),
    "host": Attempt(403, get(host="evil.example")),
    "origin": Attempt(403, get("Origin: http://evil.example")),
    "site": Attempt(403, get("Sec-Fetch-Site: cross-site")),
    "content_type": Attempt(415, post(2, b"[]", "text/plain")),
    "no_credential": Attempt(401, get(secret="")),
    "wrong_credential": Attempt(401, get(secret="a-secret-of-nobody")),
    "wrong_credential, twice": Attempt(401, get(f"Authorization: Bearer {READER}")),
    "role": Attempt(403, get(secret=SCRAPER)),
}
OF_TIME = {"head_time", "body_time", "answer_time", "pipeline", "connections", "memory"}
"""Those that tests of the limits provoke."""


@pytest.fixture(scope="module")
def api(sandbox, shared_redis, tmp_path_factory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("counted")
    (folder / "callers.json").touch(0o600)
    (folder / "callers.json").write_text(json.dumps(CALLERS))
    told = environ(folder / "summaries.jsonl", shared_redis.url, "counted")
    service = sandbox.service(
        "parkstream_summary_api", told | {"PARKSTREAM_CREDENTIALS_FILE": f"{folder}/callers.json"}
    )
    service.wait_ready()
    yield service
    service.kill()


def counts(api: ServiceProcess) -> dict[str, int]:
    page = said_to(api.port, get(path="/metrics", secret=SCRAPER)).decode()
    found = re.findall(r'^parking_http_refused_total{[^}]*reason="(\w+)"[^}]*} (\S+)', page, re.MULTILINE)
    return {reason: int(float(count)) for reason, count in found}


def test_there_is_a_count_for_every_reason(api: ServiceProcess):
    assert counts(api).keys() == {name.partition(",")[0] for name in REASONS} | OF_TIME


@pytest.mark.parametrize("reason", REASONS)
def test_a_refusal_is_counted_once_by_its_reason(api: ServiceProcess, reason: str):
    before, counted = counts(api), reason.partition(",")[0]
    with connected(api.port) as connection:
        send_or_be_cut(connection, REASONS[reason].sent)
        assert status_of(answer_of(connection)) in {REASONS[reason].status, 0}  # Who still sends may hear nothing.
    assert counts(api) == before | {counted: before[counted] + 1}
