"""In which step SigNoz did not come up: what Docker says of its containers, or without Docker what answers."""

import asyncio
import os
import re
import shutil
import subprocess
from typing import Final

from msgspec import Raw, Struct, json
from parkstream_operations.findings import Finding, note, ok, wrong
from parkstream_service.client import ServiceClient
from parkstream_service.unreachable import UnreachableError

STEPS: Final = (
    "clickhouse-keeper",
    "clickhouse",
    "clickhouse-functions",
    "signoz-migrator",
    "signoz-ingester",
    "signoz",
    "signoz-provision",
    "otel-collector",
)
"""Services of deploy/compose, in the order in which they start."""
ENDPOINTS: Final = {
    "signoz-ingester": "http://signoz-ingester:13133/",
    "signoz": "http://signoz:8080/api/v2/readyz",
    "otel-collector": "http://otel-collector:13133/",
}
"""What a container beside them can ask."""
UP: Final = "docker compose -f deploy/compose/compose.yaml up --wait"
LINES: Final = 200
_COMPLAINT: Final = re.compile(r"error|fatal|panic|exception|refused|denied", re.IGNORECASE)


class Container(Struct, frozen=True, rename="pascal"):
    """A line of ``docker ps --format json``; *status* is for people: ``Up 3 minutes (healthy)``."""

    names: str
    state: str
    status: str


async def examine() -> list[Finding]:
    """Look at each step of ``compose.yaml``, in the order in which they start."""
    if shutil.which("docker") is None:
        return [_NO_DOCKER, *await _answering()]
    project = os.environ.get("PARKSTREAM_PROJECT") or "parkstream"
    try:
        steps = {service: _containers(project, service) for service in STEPS}
        if not any(steps[service] for service in STEPS if service != "otel-collector"):
            return [wrong("SigNoz", f"the stack {project} has none of its containers", UP)]
        return [_step(service, containers) for service, containers in steps.items()]
    except subprocess.CalledProcessError as error:
        return [wrong("Docker", error.stderr.strip(), "start Docker, or ask as somebody who may use it")]


_NO_DOCKER: Final = note(
    "Docker",
    "is not here: only what answers can be looked at, and the lite stack has no SigNoz",
    "./dev doctor --signoz on the host says which step failed, and its log line",
)


async def _answering() -> list[Finding]:
    async with ServiceClient() as client:
        return list(await asyncio.gather(*(_answer(client, *one) for one in ENDPOINTS.items())))


async def _answer(client: ServiceClient, service: str, url: str) -> Finding:
    try:
        await client.get(url, Raw)
    except UnreachableError as error:
        return wrong(service, str(error), f"docker compose -f deploy/compose/compose.yaml logs {service}")
    return ok(service, "ready")


def _containers(project: str, service: str) -> list[Container]:
    labels = {"project": project, "service": service, "oneoff": "False"}
    filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    listed = _docker("ps", "--all", "--format={{json .}}", *filters).stdout.splitlines()
    return [json.decode(line, type=Container) for line in listed]


def _step(service: str, containers: list[Container]) -> Finding:
    if not containers:
        return wrong(service, "has no container", UP)
    (container, *_) = containers
    status = container.status
    match container.state:
        case "running" if "(health: starting)" in status:
            return note(service, f"{status}: {_complaint(container.names)}", "look again in a minute")
        case "running" if "(unhealthy)" not in status:
            return ok(service, status)
        case "exited" if status.startswith("Exited (0)"):
            return ok(service, "done")
        case "created":
            return wrong(service, "has not started", "it waits for a step above")
        case _:
            return wrong(service, f"{status}: {_complaint(container.names)}", f"docker logs {container.names}")


def _complaint(container: str) -> str:
    """Return the last line of the log that reads like an error, or else the last one."""
    log = _docker("logs", f"--tail={LINES}", container)
    lines = [line for line in (log.stdout + log.stderr).splitlines() if line.strip()]
    return next((line for line in reversed(lines) if _COMPLAINT.search(line)), lines[-1] if lines else "no log")


def _docker(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [shutil.which("docker") or "docker", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, errors="replace")
