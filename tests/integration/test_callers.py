"""Callers with roles, at services that run: who may do what, changed without a restart."""

import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import pytest
from parkstream_devtools import Sandbox, ServiceProcess, StartError
from raw_http import status
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
        ("backend", "GET", "/v1/state"),
        ("backend", "GET", "/v1/inside"),
        ("backend", "GET", "/v1/visits/AB1"),
        ("backend", "GET", "/v1/parked"),
        ("cameras", "GET", "/v1/account"),
    ],
    "operator": [("backend", "POST", "/v1/parked/redrive"), ("cameras", "POST", "/v1/stop")],
    "scraper": [(name, "GET", "/metrics") for name in ("summaries", "backend", "cameras")],
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
    modules = {"summaries": "summary_api", "backend": "backend", "cameras": "entry_generator"}
    more = {"PARKSTREAM_RATE": "0.001"}
    services = {name: sandbox.service(f"parkstream_{module}", common | more) for name, module in modules.items()}
    for service in services.values():
        service.wait_ready(60)
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


def test_health_asks_for_no_credential(mall: Mall):
    assert {mall.ask(name, "GET", "/health/ready", "") for name in mall.services} == {200}


def test_a_credential_changes_without_a_restart(mall: Mall):
    def reads(secret: str) -> int:
        return mall.ask("backend", "GET", "/v1/state", secret)

    others = {name: [secret_of(name)] for name in ROLES if name != "reader"}
    try:
        write(mall.credentials, others | {"reader": ["a-newer-credential", secret_of("reader")]})
        assert (reads("a-newer-credential"), reads(secret_of("reader"))) == (200, 200)
        write(mall.credentials, others | {"reader": ["a-newer-credential"]})
        assert (reads("a-newer-credential"), reads(secret_of("reader"))) == (200, 401)
        mall.credentials.write_text("{")
        assert (reads("a-newer-credential"), reads(secret_of("reader"))) == (200, 401)
        assert "is no file of callers" in mall.services["backend"].last_lines(3)
    finally:
        write(mall.credentials, others | {"reader": [secret_of("reader")]})
    eventually(lambda: reads(secret_of("reader")) == 200)
    printed = "".join(service.output.read_text() for service in mall.services.values())
    assert not [name for name in ROLES if secret_of(name) in printed]


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.20", "::", "mall.example"])
@pytest.mark.parametrize("module", ["parkstream_summary_api", "parkstream_backend", "parkstream_exit_generator"])
def test_without_a_credential_no_service_listens_to_others(sandbox: Sandbox, module: str, host: str):
    service = sandbox.service(module, {"PARKSTREAM_HOST": host})
    with pytest.raises(StartError, match="there is no credential: set PARKSTREAM_CREDENTIALS_FILE"):
        service.wait_ready(60)
    assert service.exit_code == 2
