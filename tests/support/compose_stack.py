"""The lite stack in containers of its own project: random ports, its own secrets, the traces that the collector got."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec import convert
from parkstream_devtools import free_port
from parkstream_devtools.pipeline.account import Line, Published, equations
from parkstream_devtools.pipeline.snapshots import Entries, Exits, State
from parkstream_devtools.pipeline.summary_file import tally
from pipeline import QUICK, get, post
from the_tree import ROOT

COMPOSE = ROOT / "deploy" / "compose"
CONTAINERS = os.environ.get("PARKSTREAM_CONTAINERS", "")
"""``yes``: they must run; ``no``: they are not tried; else they run where there is an engine."""
PORTS = {"entry-generator": 8002, "exit-generator": 8003, "backend": 8001, "summary-api": 8000, "otel-collector": 9464}
POLL_SECONDS = 1.0
SAID_BY_DOCKER_LINES = 60


def need_engine() -> None:
    """Skip the test, or fail where ``PARKSTREAM_CONTAINERS`` says that there is an engine."""
    if CONTAINERS == "no":
        pytest.skip("PARKSTREAM_CONTAINERS=no")
    asked = shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False)
    if not asked or asked.returncode:
        say = pytest.fail if CONTAINERS == "yes" else pytest.skip
        say("no Docker engine answers")


class Account(NamedTuple):
    """What the services say, all at once."""

    entries: Entries
    exits: Exits
    state: State

    @property
    def settled(self) -> bool:
        """Whether nothing is under way any more: cars outside, events in the log, summaries delivered."""
        counters = self.state.counters
        recorded = counters.get("entered", 0), counters.get("exited", 0)
        waiting = self.entries.buffered + self.exits.buffered + self.exits.parked
        waiting += self.state.lag + self.state.pending + self.state.outbox_depth
        arrived = recorded[0] >= self.entries.published and recorded[1] >= self.exits.published
        return not self.entries.running and not waiting and arrived


class Stack:
    """compose.lite.yaml under a name of its own; its files lie in *folder*."""

    def __init__(self, folder: Path) -> None:
        self.project = f"{os.environ.get('PARKSTREAM_PROJECT', 'parkstream-test')}-{os.getpid()}"
        self.traces = folder / "telemetry" / "traces.jsonl"
        self._folder = folder
        self._secrets = folder / "secrets"
        self._environ = {**os.environ, **QUICK, **_traffic(), **_ports(), "PARKSTREAM_SECRETS": str(self._secrets)}
        subprocess.run(
            [sys.executable, COMPOSE / "make_secrets.py", "--folder", self._secrets], check=True, capture_output=True
        )
        self._override = folder / "override.yaml"
        self._override.write_text(json.dumps(_override(folder)), encoding="utf-8")  # JSON is YAML.
        self.traces.parent.mkdir()
        self.traces.parent.chmod(0o777)  # The collector is somebody else.

    @property
    def token(self) -> str:
        """Return what /v1 asks for."""
        return self.secret("api_token")

    def secret(self, name: str) -> str:
        """Return the secret called *name*."""
        return (self._secrets / name).read_text("utf-8")

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Return what ``docker compose`` says to *arguments*."""
        files = ("-f", COMPOSE / "compose.lite.yaml", "-f", self._override)
        command = ["docker", "compose", "-p", self.project, "--progress", "quiet", *files, *arguments]
        done = subprocess.run(command, env=self._environ, capture_output=True, text=True, check=False)
        if check and done.returncode:
            said = "\n".join((done.stderr + done.stdout).splitlines()[-SAID_BY_DOCKER_LINES:])
            raise AssertionError(f"docker compose {' '.join(arguments)}: {said}\n{self.words()}")
        return done.stdout

    def up(self, *arguments: str) -> float:
        """Bring all up, wait until all are healthy, and return how many seconds that took."""
        began = time.monotonic()
        self.compose("up", "--detach", "--wait", "--no-build", *arguments)
        return time.monotonic() - began

    def down(self) -> None:
        """Remove everything, data included."""
        self.compose("--profile", "*", "down", "--volumes", "--remove-orphans", "--timeout", "5", check=False)

    def restart(self, service: str) -> None:
        """Restart the containers of *service*, and return when all services are healthy again."""
        self.compose("restart", service)
        self.until(lambda: self.healthy(service), lambda: f"{service} is not healthy again")

    def healthy(self, service: str) -> bool:
        """Return whether every container of *service* is healthy; whoever has no check of its own runs."""
        of_it = [f"label=com.docker.compose.project={self.project}", f"label=com.docker.compose.service={service}"]
        told = _docker("ps", "--all", "--format", "{{.Status}}", *(f"--filter={one}" for one in of_it)).splitlines()
        return bool(told) and all(one.startswith("Up") and ("(" not in one or "(healthy)" in one) for one in told)

    def url(self, service: str) -> str:
        """Return where the first container of *service* answers; another port after each start."""
        return f"http://{_docker('port', f'{self.project}-{service}-1', str(PORTS[service])).strip()}"

    def drive(self, cars: int, rate: int, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Let at least *cars* more enter, *rate* a second, do what is to be done *meanwhile*, and stop the entries."""
        before = self.entries().published
        self._environ["PARKSTREAM_RATE"] = str(rate)
        self.compose("up", "--detach", "--wait", "--no-deps", "--force-recreate", "entry-generator")
        meanwhile()
        self.until(lambda: self.entries().published >= before + cars, lambda: f"{self.entries()}")
        post(f"{self.url('entry-generator')}/v1/stop", token=self.token)

    def entries(self) -> Entries:
        """Return what the entry cameras say."""
        return convert(get(f"{self.url('entry-generator')}/v1/account", self.token), Entries)

    def account(self) -> Account:
        """Return what everybody says."""
        return Account(
            self.entries(),
            convert(get(f"{self.url('exit-generator')}/v1/account", self.token), Exits),
            convert(get(f"{self.url('backend')}/v1/state", self.token), State),
        )

    def wrong(self) -> list[Line]:
        """Wait until nothing is under way, and return the equations of the account that do not hold."""
        self.until(lambda: self.account().settled, lambda: f"{self.account()}")
        account = self.account()
        file = self._folder / "summaries.jsonl"
        file.write_text(self.compose("exec", "-T", "summary-api", "cat", "/data/summaries.jsonl"), encoding="utf-8")
        counters = account.state.counters
        published = Published(
            entries=account.entries.published,
            exits=account.exits.published,
            matched=account.exits.matched,
            unmatched=account.exits.unmatched,
        )
        recorded = counters.get("entered", 0), counters.get("exited", 0)
        lines = equations(published, tally(file), waiting=0, emitted=counters.get("emitted", 0), recorded=recorded)
        return [line for line in lines if not line.holds]

    def until(self, condition: Callable[[], bool], explain: Callable[[], str], timeout_seconds: float = 300) -> None:
        """Return when *condition* holds; who restarts answers nothing meanwhile."""
        deadline = time.monotonic() + timeout_seconds
        while not _holds(condition):
            assert time.monotonic() < deadline, f"{explain()}\n{self.words()}"
            time.sleep(POLL_SECONDS)

    def words(self) -> str:
        """Return how the containers are, and the last that they said."""
        return self.compose("ps", "--all", check=False) + self.compose("logs", "--tail", "8", check=False)


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False).stdout


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except OSError:
        return False


def _traffic() -> dict[str, str]:
    """Return what makes cars come quickly, and leave a second later."""
    return {
        "PARKSTREAM_RATE": "1",
        "PARKSTREAM_ARRIVALS": "constant",
        "PARKSTREAM_SEED": "7",
        "PARKSTREAM_TIME_SCALE": "1",
        "PARKSTREAM_DWELL_MEDIAN_SECONDS": "1",
        "PARKSTREAM_DWELL_SIGMA": "0.2",
        "PARKSTREAM_STATISTICS_SECONDS": "10",
    }


def _ports() -> dict[str, str]:
    names = ["SUMMARY_API", "RABBITMQ_UI", "OTLP_GRPC", "OTLP_HTTP", "PROMETHEUS"]
    return {f"PARKSTREAM_{name}_PORT": str(free_port()) for name in names}


def _override(folder: Path) -> dict[str, Any]:
    """Return what a test needs beside the product: a way in, and the traces as the collector got them."""
    (folder / "traces.yaml").write_text(json.dumps(_TO_A_FILE), encoding="utf-8")
    lite = ("gateway.yaml", "lite.yaml")
    command = [f"--config=/etc/otelcol/{name}" for name in lite] + ["--config=/test/traces.yaml"]
    collector = {
        "command": [
            *command,
            "--config=yaml:receivers::redis::password: $${file:/run/secrets/redis_password_collector}",
        ],
        "volumes": [f"{folder}/traces.yaml:/test/traces.yaml:ro", f"{folder}/telemetry:/telemetry"],
    }
    inside = ("entry-generator", "exit-generator", "backend")
    reachable = {name: {"networks": ["edge"], "ports": [f"127.0.0.1::{PORTS[name]}"]} for name in inside}
    return {"services": {**reachable, "otel-collector": collector}}


_TO_A_FILE: dict[str, Any] = {
    "exporters": {"file/traces": {"path": "/telemetry/traces.jsonl", "append": True, "flush_interval": "200ms"}},
    "service": {"pipelines": {"traces": {"exporters": ["span_metrics", "file/traces"]}}},
}


class CollectedSpan(NamedTuple):
    """A span as the collector wrote it down."""

    service: str
    name: str
    span_id: str
    parent_id: str
    attributes: dict[str, Any]


def collected(file: Path) -> dict[str, list[CollectedSpan]]:
    """Return the spans in *file* by trace; a line that is being written is left for the next time."""
    found: dict[str, list[CollectedSpan]] = {}
    for line in file.read_text("utf-8").splitlines(keepends=True):
        if line.endswith("\n"):
            for resource in json.loads(line)["resourceSpans"]:
                for trace_id, span in _spans(resource):
                    found.setdefault(trace_id, []).append(span)
    return found


def _spans(resource: dict[str, Any]) -> Iterable[tuple[str, CollectedSpan]]:
    about = _values(resource["resource"]["attributes"])
    for scope in resource["scopeSpans"]:
        for span in scope["spans"]:
            attributes = _values(span.get("attributes", [])) | {"resource": about}
            parent = span.get("parentSpanId", "")
            yield (
                span["traceId"],
                CollectedSpan(about["service.name"], span["name"], span["spanId"], parent, attributes),
            )


def _values(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values()), None) for one in attributes}
