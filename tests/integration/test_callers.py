"""Callers with roles, at services that run: who may do what, changed without a restart."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest
from parkstream_devtools import Sandbox, ServiceProcess, StartError
from raw_http import ask, request, status
from summary_client import environ, eventually
from summary_items import body, item

ROLES = {
    "writer": ["summaries:write"],
    "reader": ["visits:read"],
    "operator": ["operate"],
    "scraper": ["metrics"],
}
REQUESTS = {
    "writer": [("summaries", "POST", "/v1/summaries")],
    "reader": [
        ("summaries", "GET", "/v1/summaries"),
        ("summaries", "GET", "/v1/summaries/exit:1"),
        ("summaries", "GET", "/v1/stats"),
        ("console", "GET", "/v1/state"),
        ("console", "GET", "/v1/inside"),
        ("console", "GET", "/v1/visits/AB1"),
        ("console", "GET", "/v1/parked"),
        ("cameras", "GET", "/v1/account"),
    ],
    "operator": [("cameras", "POST", "/v1/stop")],
    "scraper": [(name, "GET", "/metrics") for name in ("summaries", "backend", "console", "cameras")],
}


class Mall(NamedTuple):
    credentials: Path
    services: dict[str, ServiceProcess]

    def ask(self, service: str, method: str, path: str, secret: str) -> int:
        headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        content = body(item()) if method == "POST" and path == "/v1/summaries" else b""
        headers |= {"Content-Type": "application/json"} if content else {}
        return status(self.services[service].port, path, headers, method, content)


def secret_of(name: str) -> str:
    return f"the-credential-of-the-{name}"


def write(path: Path, names: dict[str, list[str]]) -> None:
    hashes = {name: ["sha256:" + sha256(one.encode()).hexdigest() for one in some] for name, some in names.items()}
    path.write_text(json.dumps({name: {"roles": ROLES[name], "secrets": some} for name, some in hashes.items()}))


@pytest.fixture(scope="module")
def mall(sandbox: Sandbox, servers, tmp_path_factory) -> Iterator[Mall]:
    folder = tmp_path_factory.mktemp("callers")
    credentials = folder / "credentials.json"
    write(credentials, {name: [secret_of(name)] for name in ROLES})
    credentials.chmod(0o644)
    common = environ(folder / "summaries.jsonl", servers.redis.url, "callers") | {
        "PARKSTREAM_RABBITMQ_URL": servers.rabbitmq.add_vhost("callers"),
        "PARKSTREAM_CREDENTIALS_FILE": str(credentials),
    }
    own = folder / "own"
    own.write_text(secret_of("writer"))
    modules = {
        "summaries": "summary_api",
        "backend": "backend",
        "console": "console",
        "cameras": "entry_generator",
        "exits": "exit_generator",
    }
    more = {"PARKSTREAM_RATE": "0.001"}
    services = {name: sandbox.service(f"parkstream_{module}", common | more) for name, module in modules.items()}
    for service in services.values():
        service.wait_ready(240)
    yield Mall(credentials, services)
    for service in services.values():
        service.kill()
    servers.rabbitmq.delete_vhost("callers")


@pytest.mark.parametrize("role", REQUESTS)
def test_each_route_opens_to_its_role_and_to_no_other(mall: Mall, role: str):
    for service, method, path in REQUESTS[role]:
        answers = {name: mall.ask(service, method, path, secret_of(name)) for name in ROLES}
        assert answers.pop(role) in {200, 202, 404}
        assert set(answers.values()) == {403}, (path, answers)
        assert mall.ask(service, method, path, "") == 401
        assert mall.ask(service, method, path, "the-credential-of-nobody") == 401


def test_every_route_that_there_is_opens_to_the_one_role_that_its_document_names(mall: Mall):
    opened: set[tuple[str, str, str]] = set()
    for name, service in mall.services.items():
        document = json.loads(ask(service.port, request("GET", "/docs/openapi.json", [("Host", "localhost")]))[1])
        for path, methods in document["paths"].items():
            for method, route in methods.items():
                if path.startswith("/health/"):
                    continue
                url = re.sub("{[^}]*}", "exit:1", path)
                answers = {one: mall.ask(name, method.upper(), url, secret_of(one)) for one in ROLES}
                (caller,) = [one for one, code in answers.items() if code != 403]
                assert f"`{ROLES[caller][0]}`" in route["responses"]["403"]["description"]
                assert answers[caller] not in {401, 405, 415, 500}
                assert mall.ask(name, method.upper(), url, "") == 401
                opened.add((name, method, path))
    assert len(opened) == sum(map(len, REQUESTS.values())) + 3, "those of the table, and the exit camera's"


@pytest.mark.parametrize("path", ["/", "/find", "/time", "/todo", "/running", "/visits/AB1"])
def test_pages_are_for_people_who_log_in(mall: Mall, path: str):
    assert {mall.ask("console", "GET", path, secret_of(name)) for name in ROLES} == {303}


def test_health_asks_for_no_credential(mall: Mall):
    assert {mall.ask(name, "GET", "/health/ready", "") for name in mall.services} == {200}


def test_a_file_that_is_exchanged_or_gone_lets_nobody_else_in(mall: Mall):
    def reads(secret: str) -> int:
        return mall.ask("console", "GET", "/v1/state", secret)

    def ready() -> str:
        port = mall.services["console"].port
        return str(json.loads(ask(port, request("GET", "/health/ready"))[1])["checks"]["credentials"]["status"])

    file, other = mall.credentials, mall.credentials.with_name("other.json")
    before = file.read_bytes()
    write(other, {"reader": ["a-newer-credential"]})
    other.chmod(0o644)
    try:
        link = file.with_name("link")
        link.symlink_to(other)
        link.replace(file)
        assert (reads("a-newer-credential"), reads(secret_of("reader"))) == (200, 401)
        for broken in (b"", b"[" * 100_000, before[:-5], b'{"reader":{"roles":[],"secrets":["x"]}}', None):
            other.unlink() if broken is None else other.write_bytes(broken)
            assert (reads("a-newer-credential"), reads(""), reads("x"), ready()) == (200, 401, 401, "warning")
        other.mkdir()
        assert (reads("a-newer-credential"), reads(""), ready()) == (200, 401, "warning")
        other.rmdir()
        other.write_bytes(b"{}")
        assert (reads("a-newer-credential"), reads(""), ready()) == (401, 401, "ok")
    finally:
        file.unlink()
        file.write_bytes(before)
        file.chmod(0o644)
    eventually(lambda: reads(secret_of("reader")) == 200)


def test_who_guesses_is_counted_and_logged_and_the_file_is_a_figure(mall: Mall):
    headers = {"Authorization": f"Bearer {secret_of('scraper')}"}

    def figures(name: str) -> str:
        asked = request("GET", "/metrics", [("Host", "localhost"), *headers.items()])
        return ask(mall.services[name].port, asked)[1].decode()

    def guessed() -> float:
        counted = r'^parking_http_refused_total{.*"wrong_credential".*} (\S+)'
        (line,) = re.findall(counted, figures("exits"), re.MULTILINE)
        return float(line)

    before = guessed()
    for secret in ("guess", "geheim-ä", "a" * 5_000):
        assert status(mall.services["exits"].port, "/v1/account", {"Authorization": f"Bearer {secret}"}) == 401
    assert guessed() == before + 3
    assert '"reason":"wrong_credential"' in mall.services["exits"].output.read_text()
    assert {"parking_access_problem 0.0" in figures(name) for name in mall.services} == {True}


def test_a_credential_changes_without_a_restart(mall: Mall):
    def reads(secret: str) -> int:
        return mall.ask("console", "GET", "/v1/state", secret)

    others = {name: [secret_of(name)] for name in ROLES if name != "reader"}
    try:
        write(mall.credentials, others | {"reader": ["a-newer-credential", secret_of("reader")]})
        assert (reads("a-newer-credential"), reads(secret_of("reader"))) == (200, 200)
        write(mall.credentials, others | {"reader": ["a-newer-credential"]})
        assert (reads("a-newer-credential"), reads(secret_of("reader"))) == (200, 401)
        mall.credentials.write_text("{")
        assert (reads("a-newer-credential"), reads(secret_of("reader"))) == (200, 401)
        assert "is no file of callers" in mall.services["console"].last_lines(3)
    finally:
        write(mall.credentials, others | {"reader": [secret_of("reader")]})
    eventually(lambda: reads(secret_of("reader")) == 200)
    printed = "".join(service.output.read_text() for service in mall.services.values())
    assert not [name for name in ROLES if secret_of(name) in printed]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.20", "::", "mall.example"])
@pytest.mark.parametrize(
    "module", ["parkstream_summary_api", "parkstream_backend", "parkstream_console", "parkstream_exit_generator"]
)
def test_without_a_credential_no_service_listens_to_others(sandbox: Sandbox, module: str, host: str):
    service = sandbox.service(module, {"PARKSTREAM_HOST": host})
    with pytest.raises(StartError, match="there is no credential: set PARKSTREAM_CREDENTIALS_FILE"):
        service.wait_ready(240)
    assert service.exit_code == 2
