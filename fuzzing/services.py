"""All services with an OpenAPI document, really started, with some cars inside, and a credential for each role."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final

import msgspec
import requests
from msgspec import Struct
from parkstream_devtools.sandbox import Sandbox, ServiceProcess
from parkstream_devtools.servers.install import ensure_servers
from parkstream_events.wire import encode
from parkstream_service.access import Role

from fuzzing.targets.summaries import ITEM

DOCUMENT: Final = "/docs/openapi.json"
READY_SECONDS: Final = 240.0
MALL: Final = "fuzz"
RATE: Final = "5"
CALLER: Final = "all"
"""Who may ask for everything."""
ROUTES: Final = {
    "api-summaries": ("parkstream_summary_api", "the summary API over HTTP, as its OpenAPI document has it"),
    "api-backend": ("parkstream_backend", "the backend's health and metrics, the same way"),
    "api-console": ("parkstream_console", "the console's read API, the same way"),
    "pages-console": ("parkstream_console", "the console's pages"),
    "api-entries": ("parkstream_entry_generator", "the entry generator's, the same way"),
    "api-exits": ("parkstream_exit_generator", "the exit generator's, the same way"),
    "api-provision": ("fuzzing.provisioner", "the provisioner's, the same way"),
}
"""Targets that are services: the module of each, and what it is."""


class Service(Struct, frozen=True):
    """A service, and the credential that opens all of it."""

    process: ServiceProcess
    token: str

    @property
    def document(self) -> dict[str, Any]:
        """What it says of itself."""
        answer = requests.get(f"{self.process.url}{DOCUMENT}", timeout=30)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


@contextmanager
def started(say: Any) -> Generator[dict[str, Service]]:  # noqa: ANN401 - takes a line of text
    """Start servers and all services; yield each by the name of its target."""
    ensure_servers(say)
    with Sandbox() as sandbox:
        say("starting a private RabbitMQ, a private Redis and all services")
        rabbitmq = sandbox.rabbitmq(wait=False)
        redis = sandbox.redis()
        rabbitmq.wait_ready()
        yield start_on(sandbox, rabbitmq.url, redis.url)


def start_on(sandbox: Sandbox, rabbitmq_url: str, redis_url: str) -> dict[str, Service]:
    """Start all services in *sandbox*, on these servers; return each by the name of its target."""
    token = secrets.token_hex()
    file = sandbox.folder / "fuzzed-credentials.json"
    file.touch(0o600)
    file.write_bytes(msgspec.json.encode({CALLER: {"roles": list(Role), "secrets": [token]}}))
    environ = {
        "PARKSTREAM_RABBITMQ_URL": rabbitmq_url,
        "PARKSTREAM_REDIS_URL": redis_url,
        "PARKSTREAM_MALL": MALL,
        "PARKSTREAM_CREDENTIALS_FILE": str(file),
        "PARKSTREAM_SUMMARY_FILE": str(sandbox.folder / "fuzzed.jsonl"),
        "PARKSTREAM_RATE": RATE,
        "PARKSTREAM_SIGNOZ_PASSWORD": token,
        "PARKSTREAM_TELEMETRY_STRICT": "true",
    }
    found: dict[str, Service] = {}
    for name, (module, _) in ROUTES.items():
        found[name] = Service(sandbox.service(module, environ), token)
        if name == "api-summaries":
            environ |= {"PARKSTREAM_SUMMARY_URL": found[name].process.url, "PARKSTREAM_API_TOKEN": token}
    for service in found.values():
        service.process.wait_ready(READY_SECONDS)
    _write_one(found["api-summaries"])
    return found


def _write_one(summaries: Service) -> None:
    """Have something to be found."""
    headers = {"Authorization": f"Bearer {summaries.token}", "Content-Type": "application/json"}
    answer = requests.post(f"{summaries.process.url}/v1/summaries", data=encode(ITEM), headers=headers, timeout=30)
    answer.raise_for_status()
