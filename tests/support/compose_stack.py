"""The lite stack from the product's own files: a project, secrets and ports of its own."""

import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from command_line import Answer
from msgspec import convert
from parkstream_devtools import free_port
from parkstream_devtools.pipeline.account import Line, equations
from parkstream_devtools.pipeline.snapshots import Entries, Exits, State, published_by
from parkstream_devtools.pipeline.summary_file import tally
from parkstream_telemetry.kept_spans import kept_spans
from parkstream_telemetry.received_span import ReceivedSpan
from pipeline import QUICK, get, post
from redis.exceptions import RedisError
from the_tree import ROOT

COMPOSE = ROOT / "deploy" / "compose"
PAGE = ROOT / "docs" / "compose.md"
LITE_UP = "docker compose -f deploy/compose/compose.lite.yaml up --wait"
CONTAINERS = os.environ.get("PARKSTREAM_CONTAINERS", "")
"""``yes``: they must run; ``no``: they are not tried; else they run where there is an engine."""
PORTS = {
    "entry-generator": 8002,
    "exit-generator": 8003,
    "backend": 8001,
    "summary-api": 8000,
    "console": 8004,
    "otel-collector": 9464,
}
POLL_SECONDS = 1.0
COMMAND_SECONDS = 900
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
        arrived = recorded[0] >= self.entries.to_record and recorded[1] >= self.exits.to_record
        return not self.entries.running and not waiting and arrived


class Belongings(NamedTuple):
    """What there is of a stack: containers with what they do and since when, volumes, networks."""

    containers: set[str]
    volumes: set[str]
    networks: set[str]


class Stack:
    """*files* of deploy/compose under a name of their own, which ends with *suffix*; its secrets lie in *folder*."""

    prefix = ""
    """Before the name of each of a mall's services."""
    secrets_command = "./dev secrets"
    up_command = LITE_UP

    def __init__(self, folder: Path, files: Sequence[str | Path] = ("compose.lite.yaml",), suffix: str = "") -> None:
        self.project = f"{os.environ.get('PARKSTREAM_PROJECT', 'parkstream-test')}-{os.getpid()}{suffix}"
        self._folder = folder
        self._files = [f"--file={COMPOSE / file}" for file in files]
        self._secrets = folder / "secrets"
        named = {"PARKSTREAM_PROJECT": self.project, "PARKSTREAM_SECRETS": str(self._secrets)}
        self.environ = {**os.environ, **QUICK, **_traffic(), **_ports(), **named}
        made = self.shell(self.secrets_command)
        assert made.code == 0, made.err
        assert self.up_command in made.out

    @property
    def token(self) -> str:
        """Return what /v1 asks for."""
        return self.secret("api_token")

    def secret(self, name: str) -> str:
        """Return the secret called *name*."""
        return (self._secrets / name).read_text("utf-8")

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Return what ``docker compose`` says to *arguments*."""
        command = ["docker", "compose", "--progress", "quiet", *self._files, *arguments]
        done = self._run(command)
        if check and done.code:
            said = "\n".join((done.err + done.out).splitlines()[-SAID_BY_DOCKER_LINES:])
            raise AssertionError(f"docker compose {' '.join(arguments)}: {said}\n{self.words()}")
        return done.out

    def shell(self, line: str) -> Answer:
        """Run *line* as a user does, in the folder of the project."""
        return self._run(["sh", "-c", line])

    def cli(self, *words: str) -> Answer:
        """Run the command line by the alias that the documentation gives."""
        return self.shell(f"{documented_alias()} {shlex.join(words)}")

    def _run(self, command: list[str]) -> Answer:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=COMMAND_SECONDS,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

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

    def ended(self, service: str) -> bool:
        """Return whether the first container of *service* has ended and is not tried again."""
        return _docker("inspect", "--format", "{{.State.Status}}", f"{self.project}-{service}-1").strip() == "exited"

    def belongings(self) -> Belongings:
        """Return what there is under the project's name, whoever made it."""
        name = f"--filter=name={self.project}"
        containers = _docker("ps", "--all", "--quiet", name).split()
        what = "{{.Id}} {{.Name}} {{.State.Status}} {{.State.StartedAt}}"
        return Belongings(
            set(_docker("inspect", "--format", what, *containers).splitlines()),
            set(_docker("volume", "ls", "--quiet", name).splitlines()),
            set(_docker("network", "ls", "--quiet", "--no-trunc", name).splitlines()),
        )

    def url(self, service: str) -> str:
        """Return where the first container of *service* answers to this machine, which reaches every network."""
        address = f'{{{{(index .NetworkSettings.Networks "{self.project}_core").IPAddress}}}}'
        found = _docker("inspect", "--format", address, f"{self.project}-{service}-1").strip()
        return f"http://{found}:{PORTS[service.removeprefix(self.prefix)]}"

    def drive(self, cars: int, rate: int, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Let at least *cars* more enter, *rate* a second, do what is to be done *meanwhile*, and stop the entries."""
        before = self.entries().published
        self.environ["PARKSTREAM_RATE"] = str(rate)
        self.compose("up", "--detach", "--wait", "--no-deps", "--force-recreate", "entry-generator")
        meanwhile()
        self.until(lambda: self.entries().published >= before + cars, lambda: f"{self.entries()}")
        self.stop_entries()

    def entries(self) -> Entries:
        """Return what the entry cameras say."""
        return convert(get(f"{self.url(f'{self.prefix}entry-generator')}/v1/account", self.token), Entries)

    def account(self) -> Account:
        """Return what everybody says."""
        return Account(
            self.entries(),
            convert(get(f"{self.url(f'{self.prefix}exit-generator')}/v1/account", self.token), Exits),
            self.state(),
        )

    def state(self) -> State:
        """Return where log, visits and outbox stand, as the console says."""
        return convert(get(f"{self.url('console')}/v1/state", self.token), State)

    def stop_entries(self) -> None:
        """Let no more cars come."""
        post(f"{self.url(f'{self.prefix}entry-generator')}/v1/stop", token=self.token)

    def wrong(self) -> list[Line]:
        """Wait until nothing is under way, and return the equations of the account that do not hold."""
        self.until(lambda: self.account().settled, lambda: f"{self.account()}")
        account = self.account()
        file = self._copied(f"{self.prefix}summary-api", "/data/summaries.jsonl")
        counters = account.state.counters
        published = published_by(account.entries, account.exits)
        recorded = counters.get("entered", 0), counters.get("exited", 0)
        emitted = counters.get("emitted", 0)
        # Dead letters are not counted from out here, and no gate reads without a plate.
        lines = equations(published, tally(file), waiting=0, emitted=emitted, recorded=recorded, dead=0)
        return [line for line in lines if not line.holds]

    def traces(self) -> dict[str, list[ReceivedSpan]]:
        """Return the spans that the gateway keeps, by trace."""
        found: dict[str, list[ReceivedSpan]] = {}
        shutil.rmtree(self._folder / "spans", ignore_errors=True)
        self.compose("cp", "otel-collector-health:/queue/spans", str(self._folder))
        for span in kept_spans(self._folder / "spans" / "spans.jsonl"):
            found.setdefault(span.trace_id, []).append(span)
        return found

    def _copied(self, service: str, file: str) -> Path:
        copy = self._folder / Path(file).name
        copy.write_text(self.compose("exec", "-T", service, "cat", file), encoding="utf-8")
        return copy

    def until(self, condition: Callable[[], bool], explain: Callable[[], str], timeout_seconds: float = 300) -> None:
        """Return when *condition* holds; who restarts answers nothing meanwhile."""
        deadline = time.monotonic() + timeout_seconds
        while not _holds(condition):
            assert time.monotonic() < deadline, f"{explain()}\n{self.words()}"
            time.sleep(POLL_SECONDS)

    def words(self) -> str:
        """Return how the containers are, and the last that they said."""
        return self.compose("ps", "--all", check=False) + self.compose("logs", "--tail", "8", check=False)


def documented_commands(page: Path = PAGE) -> list[str]:
    """Return the lines of the shell examples in *page*."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line and not line.startswith("#")]


def documented_alias() -> str:
    """Return what ``parkstream`` stands for there."""
    (found,) = [match[1] for line in documented_commands() if (match := re.fullmatch('alias parkstream="(.*)"', line))]
    return found


def _docker(*arguments: str) -> str:
    return subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False).stdout


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except (OSError, RedisError):
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
    names = ["SUMMARY_API", "CONSOLE", "RABBITMQ_UI", "OTLP_GRPC", "OTLP_HTTP", "PROMETHEUS"]
    return {f"PARKSTREAM_{name}_PORT": str(free_port()) for name in names}
