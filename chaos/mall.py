"""What runs during a campaign: servers, two backends, the summary API, and a proxy in every connection of theirs."""

import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Final, NamedTuple, TypeVar

import msgspec
from parkstream_devtools.faults import Clock, NoFaketimeError, Proxy, SmallDisk
from parkstream_devtools.faults.clocks import library
from parkstream_devtools.overview import overview_of
from parkstream_devtools.pipeline.snapshots import Stats
from parkstream_devtools.sandbox import Sandbox, ServiceProcess
from parkstream_devtools.servers.process import free_port
from parkstream_projection.overview import Overview

from chaos.camera import Camera
from chaos.traffic import Cars

MALL: Final = "chaos"
RULES: Final = {
    "PARKSTREAM_ALLOWED_LATENESS_SECONDS": "0.3",
    "PARKSTREAM_SILENCE_GRACE_SECONDS": "1",
    "PARKSTREAM_HOLD_MAX_SECONDS": "5",
    "PARKSTREAM_DUPLICATE_WINDOW_SECONDS": "1",
}
BACKENDS: Final = 2
REDIS: Final = "redis-1"
"""What the sandbox calls the folder of its first Redis."""
DISK_BYTES: Final = 256 * 1024 * 1024
START_SECONDS: Final = 120.0
ASK_SECONDS: Final = 10.0
COMMAND_SECONDS: Final = 300.0
UNANSWERED: Final = (urllib.error.URLError, ConnectionError, TimeoutError, msgspec.DecodeError)

T = TypeVar("T")


class Link(NamedTuple):
    """Who speaks to whom, through a proxy of their own."""

    client: str
    server: str


class Mall:
    """A whole mall in *sandbox*; *seed* gives its cars. What it needs beside is entered on *stack*.

    *clocks*: the wall clocks of Redis and of each backend can be set; raises ``NoFaketimeError``. *disk*: the summary
    file and Redis' files lie on small disks; raises ``NoMountError``.
    """

    may_lose: ClassVar[bool] = False
    """Whether what was acknowledged may be lost: its loss is counted, and breaks no promise."""

    def __init__(self, sandbox: Sandbox, stack: ExitStack, seed: int, *, clocks: bool, disk: bool) -> None:
        self.sandbox = sandbox
        self._stack = stack
        self.clock_of_redis, *self.clocks_of_backends = (
            self._clock(name, faked=clocks) for name in ("redis", *self._backend_names())
        )
        folder, of_redis = sandbox.folder / "disk", sandbox.folder / REDIS
        self.disk, self.disk_of_redis = (
            stack.enter_context(SmallDisk(one, DISK_BYTES)) if disk else None for one in (folder, of_redis)
        )
        folder.mkdir(exist_ok=True)
        self.summary_file = folder / "summaries.jsonl"
        self.links: dict[Link, Proxy] = {}
        self._start_servers()
        self.version: dict[str, str] = {}
        """What makes commands and backends those of another version."""
        self._ports = {name: free_port() for name in ("summary-api", *self._backend_names())}
        self.api = self._start_api()
        self.backends = [self.start_backend(number) for number in range(BACKENDS)]
        for service in self.services:
            service.wait_ready(START_SECONDS)
        self.camera = Camera(self.rabbitmq_url, Cars(seed))
        stack.callback(self.camera.close)

    def _start_servers(self) -> None:
        self.rabbitmq = self.sandbox.rabbitmq(wait=False)
        self.redis = self.sandbox.redis(_environ_of(self.clock_of_redis))
        self.rabbitmq.wait_ready()

    @property
    def rabbitmq_url(self) -> str:
        """Where RabbitMQ is."""
        return self.rabbitmq.url

    @property
    def redis_url(self) -> str:
        """Where Redis is."""
        return self.redis.url

    def servers_away(self) -> str:
        """Return which servers are not as they are meant to be; nothing when all are."""
        return ""  # Whoever is away is asked for something, and does not answer.

    @property
    def services(self) -> list[ServiceProcess]:
        """All of ours that must be ready."""
        return [self.api, *self.backends]

    @property
    def environ(self) -> dict[str, str]:
        """What a command is given to look at it."""
        return {
            **RULES,
            "PARKSTREAM_MALL": MALL,
            "PARKSTREAM_PLATE_HASH_KEY": MALL,
            "PARKSTREAM_RABBITMQ_URL": self.rabbitmq_url,
            "PARKSTREAM_REDIS_URL": self.redis_url,
            "PARKSTREAM_SUMMARY_URL": f"http://127.0.0.1:{self._ports['summary-api']}",
            "PARKSTREAM_SUMMARY_FILE": str(self.summary_file),
            "PARKSTREAM_ARCHIVE_DIR": str(self.sandbox.folder / "archive"),
            "PARKSTREAM_TELEMETRY_STRICT": "true",
            **self._of_servers(),
            **self.version,
        }

    def _of_servers(self) -> dict[str, str]:
        return {"PARKSTREAM_REDIS_DIR": str(self.redis.folder)}

    def start_backend(self, number: int, environ: Mapping[str, str] | None = None) -> ServiceProcess:
        """Start backend *number* with *environ* beside what all have, and do not wait for it."""
        name = self._backend_names()[number]
        links = self._rabbitmq_for(name) | self._redis_for(name)
        links["PARKSTREAM_SUMMARY_URL"] = f"http://127.0.0.1:{self._through(name, 'summary-api')}"
        links["PARKSTREAM_PORT"] = str(self._ports[name])
        given = self.environ | links | _environ_of(self.clocks_of_backends[number]) | dict(environ or {})
        return self.sandbox.service("parkstream_backend", given, name)

    def scratch(self) -> Path:
        """Return a new folder that goes with the mall."""
        return Path(tempfile.mkdtemp(dir=self.sandbox.folder, prefix="scratch-"))

    def state(self) -> Overview:
        """Return where log, visits and outbox stand, as Redis has it; raise ``RedisError`` when it does not answer."""
        return overview_of(self.redis_url, MALL)

    def stats(self) -> Stats:
        """Return what the summary API answers about its file; raise one of ``UNANSWERED`` when it does not."""
        return ask(f"{self.api.url}/v1/stats", Stats)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run ``parkstream`` with *words* to its end."""
        with self.start_command(*words) as command:
            out, err = command.communicate(timeout=COMMAND_SECONDS)
        return subprocess.CompletedProcess(words, command.returncode, out, err)

    def start_command(self, *words: str) -> "subprocess.Popen[str]":
        """Start ``parkstream`` with *words*."""
        environ = {"PATH": os.environ["PATH"], **self.environ}
        command = [sys.executable, "-m", "parkstream_cli", *words]
        return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def _start_api(self) -> ServiceProcess:
        port = {"PARKSTREAM_PORT": str(self._ports["summary-api"])}
        given = self.environ | self._redis_for("summary-api") | port
        return self.sandbox.service("parkstream_summary_api", given, "summary-api")

    def _rabbitmq_for(self, client: str) -> dict[str, str]:
        return {"PARKSTREAM_RABBITMQ_URL": f"amqp://guest:guest@127.0.0.1:{self._through(client, 'RabbitMQ')}/"}

    def _redis_for(self, client: str) -> dict[str, str]:
        return {"PARKSTREAM_REDIS_URL": f"redis://127.0.0.1:{self._through(client, 'Redis')}"}

    def _through(self, client: str, server: str) -> int:
        """Return where *client* finds *server*."""
        if (link := Link(client, server)) not in self.links:
            self.links[link] = self._stack.enter_context(Proxy(self._port_of(server)))
        return self.links[link].port

    def _port_of(self, server: str) -> int:
        return self._ports.get(server) or (self.rabbitmq if server == "RabbitMQ" else self.redis).port

    def _clock(self, name: str, *, faked: bool) -> Clock | None:
        return Clock(self.sandbox.folder / f"clock-of-{name}") if faked else None

    @staticmethod
    def _backend_names() -> list[str]:
        return [f"backend-{number + 1}" for number in range(BACKENDS)]


def ask(url: str, answer: type[T]) -> T:
    """Return what *url* answers; raise one of ``UNANSWERED``."""
    with urllib.request.urlopen(url, timeout=ASK_SECONDS) as response:
        return msgspec.json.decode(response.read(), type=answer)


def can_fake_clocks() -> bool:
    """Return whether libfaketime is here."""
    try:
        library()
    except NoFaketimeError:
        return False
    return True


def _environ_of(clock: Clock | None) -> dict[str, str]:
    return {} if clock is None else clock.environ
