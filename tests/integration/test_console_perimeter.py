"""Strangers at the console's port: whatever they call it by, or ask it for, is no server error and no other's file."""

import re
from collections.abc import Iterator

import pytest
from attacks import said_to, status_of
from parkstream_devtools import ServiceProcess
from parkstream_devtools.servers.process import answers
from summary_client import eventually

NOWHERE = {"PARKSTREAM_RABBITMQ_URL": "amqp://guest:guest@127.0.0.1:1/", "PARKSTREAM_REDIS_URL": "redis://127.0.0.1:1"}
PATHS = ["/", "/login", "/find?q=x", "/time?position=1", "/todo", "/assets/style.css", "/v1/state", "/metrics", "/docs"]
HOSTS = [
    *("evil.example", "localhost.", "localhost:80:80", "localhost:99999", "localhost:65536", "localhost,evil", "[::1"),
    *("[::ffff:127.0.0.1]", "[fe80::1%25lo]", "127.1", "2130706433", "0x7f000001", "user@localhost", "localhost#"),
    *("localhost/", "localhost?", "localhost:", "localhost:8O", "a.localhost", "127.0.0.1:8004@evil", "0", ""),
]
ASSETS = [
    *("%00", "style.css%00", "a" * 5_000, "style.css/x", "..", "../pages/site.py", "%2e%2e/settings.py"),
    *("..%2fsettings.py", "/etc/passwd", "%2fetc%2fpasswd", "%ff", "%f0%9f%98%80", "STYLE.CSS", "", "."),
]


@pytest.fixture(scope="module")
def console(sandbox) -> Iterator[ServiceProcess]:
    """A console without a credential, whose servers are away: it answers all the same."""
    service = sandbox.service("parkstream_console", NOWHERE)
    eventually(lambda: answers(service.port, b"GET /health/live HTTP/1.0\r\n\r\n", b"HTTP/1.1 200"), 240)
    yield service
    service.kill()


def asked(console: ServiceProcess, path: str, *headers: str, method: str = "GET") -> int:
    lines = [f"{method} {path} HTTP/1.1", *headers, "Connection: close", "", ""]
    return status_of(said_to(console.port, "\r\n".join(lines).encode("latin-1")))


@pytest.mark.parametrize("host", HOSTS)
def test_a_name_that_is_none_of_ours_is_refused_on_every_page(console: ServiceProcess, host: str):
    refused = {asked(console, path, f"Host: {host}") for path in PATHS}
    refused.add(asked(console, "/login", f"Host: {host}", "Content-Length: 0", method="POST"))
    assert refused in ({400}, {403})  # What no URL can have in its place is malformed.
    assert asked(console, "/nowhere", f"Host: {host}") in {400, 404}
    assert asked(console, "/health/live", f"Host: {host}") in {200, 400}


@pytest.mark.parametrize("origin", ["null", "http://evil.example", "http://localhost:99999", "http://localhost:80:80"])
def test_a_page_of_none_of_ours_is_refused_on_every_page(console: ServiceProcess, origin: str):
    assert {path: asked(console, path, "Host: localhost", f"Origin: {origin}") for path in PATHS} == dict.fromkeys(
        PATHS, 403
    )


LINK = ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"]


def test_a_link_of_another_site_leads_to_pages_only(console: ServiceProcess):
    assert asked(console, "/login", "Host: localhost", *LINK) == 200
    assert asked(console, "/login", "Host: localhost", *LINK[:2], "Sec-Fetch-Dest: iframe") == 403
    for path in ("/live/now", "/v1/state", "/metrics", "/docs/openapi.json"):
        assert asked(console, path, "Host: localhost", *LINK) == 403


@pytest.mark.parametrize("path", ["/login", "/logout", "/time/cancel", "/acts/parked", "/acts/switch/look"])
def test_a_form_that_no_page_of_ours_has_made_is_refused(console: ServiceProcess, path: str):
    """As a page of the same host at another port may send one."""
    own = ["Host: localhost", f"Origin: http://localhost:{console.port}", "Content-Length: 0"]
    assert asked(console, path, *own, method="POST") == 403
    assert asked(console, path, *own, "Cookie: parkstream_forms_x=a", "x-csrftoken: a", method="POST") == 403
    page = said_to(console.port, b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").decode()
    (cookie,) = re.findall(r"set-cookie: (parkstream_forms_[^;]+)", page)
    (token,) = re.findall(r'"x-csrftoken": "([^"]+)"', page)
    assert asked(console, path, *own, f"x-csrftoken: {token}", method="POST") == 403
    assert asked(console, path, *own, f"Cookie: {cookie}", method="POST") == 403
    assert asked(console, path, *own, f"Cookie: {cookie}", f"x-csrftoken: {token}", method="POST") != 403


@pytest.mark.parametrize("name", ASSETS)
def test_no_path_leads_to_another_file(console: ServiceProcess, name: str):
    assert asked(console, f"/assets/{name}", "Host: localhost") == 404


def test_an_asset_is_what_it_is(console: ServiceProcess):
    answer = said_to(console.port, b"GET /assets/style.css?x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert (status_of(answer), b"text/css" in head, b"immutable" in head, len(body) > 1_000) == (200, True, True, True)
