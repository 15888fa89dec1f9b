"""Private servers and the processes of one run."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from parkstream_devtools import RabbitServer, RedisServer, Sandbox, ServiceProcess, ensure_servers
from parkstream_events.keys import BackendKeys
from redis import Redis

from benchmarks.results import say

MALL = "bench"
_names = count(1)


@dataclass
class Run:
    """One fresh Redis, one fresh vhost, one summary-api, and what consumes."""

    sandbox: Sandbox
    redis: RedisServer
    rabbitmq: RabbitServer
    rabbitmq_url: str
    folder: Path
    environ: dict[str, str]
    summary_api: ServiceProcess

    @property
    def summary_file(self) -> Path:
        """Where the lines go."""
        return self.folder / "summaries.jsonl"

    def service(self, module: str, name: str, **environ: str) -> ServiceProcess:
        """Start one of our services; ``wait_ready`` is the caller's."""
        return self.sandbox.service(module, {**self.environ, **environ}, name=f"{name}-{next(_names)}")

    def backend(self, roles: str, name: str, **environ: str) -> ServiceProcess:
        """Start a backend with *roles*."""
        return self.service("parkstream_backend", name, PARKSTREAM_ROLES=roles, **environ)

    def log_length(self) -> int:
        """Return how many records the log has."""
        with Redis.from_url(f"{self.redis.url}/0") as client:
            return int(client.xlen(BackendKeys(MALL).log))  # type: ignore[arg-type]


@contextmanager
def servers() -> Iterator[tuple[Sandbox, RabbitServer]]:
    """Start what all runs share."""
    ensure_servers(say)
    with Sandbox() as sandbox:
        yield sandbox, sandbox.rabbitmq()


@contextmanager
def run(
    sandbox: Sandbox,
    rabbitmq: RabbitServer,
    environ: Mapping[str, str],
    redis: RedisServer | None = None,
    *,
    replicas: int = 0,
) -> Iterator[Run]:
    """Start the summary-api of one run, and a Redis unless it shares *redis*; stop all of it afterwards.

    With *replicas* that Redis has so many, and backends wait for one of them.
    """
    name = f"run{next(_names)}"
    with ExitStack() as stack:
        own = redis or _own_redis(sandbox, stack, replicas)
        url = rabbitmq.add_vhost(name)
        stack.callback(rabbitmq.delete_vhost, name)
        folder = Path(sandbox.folder) / name
        folder.mkdir()
        common = {
            **{key: value for key, value in os.environ.items() if not key.startswith(("PARKSTREAM_", "OTEL_"))},
            "PARKSTREAM_RABBITMQ_URL": url,
            "PARKSTREAM_REDIS_URL": own.url,
            "PARKSTREAM_MALL": MALL,
            "PARKSTREAM_PLATE_HASH_KEY": "benchmark",
            "PARKSTREAM_SUMMARY_FILE": str(folder / "summaries.jsonl"),
            "PARKSTREAM_REDIS_REPLICAS_MIN": str(min(replicas, 1)),
            **environ,
        }
        api = sandbox.service("parkstream_summary_api", common, name=f"summary-api-{name}")
        stack.callback(api.kill)
        api.wait_ready()
        common["PARKSTREAM_SUMMARY_URL"] = api.url
        yield Run(sandbox, own, rabbitmq, url, folder, common, api)


def _own_redis(sandbox: Sandbox, stack: ExitStack, replicas: int) -> RedisServer:
    if not replicas:
        own = sandbox.redis()
        stack.callback(own.stop)
        return own
    replicated = sandbox.replicated_redis(replicas=replicas, sentinels=1)
    for one in replicated.started:
        stack.callback(one.kill)
    return replicated.primary()


class LineCounter:
    """Counts the lines of a growing file, reading each byte once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self.lines = 0

    def read(self) -> int:
        """Return how many complete lines there are now."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                new = file.read()
            self._offset += len(new)
            self.lines += new.count(b"\n")
        return self.lines


def python(*arguments: str) -> list[str]:
    """Return the command that runs Python with *arguments*."""
    return [sys.executable, *arguments]


def until(condition: "Iterator[bool]", what: str, timeout_seconds: float, interval_seconds: float = 0.005) -> None:
    """Poll *condition* until it gives True; raise ``TimeoutError`` that names *what* was waited for."""
    deadline = time.monotonic() + timeout_seconds
    for met in condition:
        if met:
            return
        if time.monotonic() > deadline:
            message = f"{what}: not within {timeout_seconds} s"
            raise TimeoutError(message)
        time.sleep(interval_seconds)
