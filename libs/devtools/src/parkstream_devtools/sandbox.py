"""One folder, its servers and services, and the promise that nothing of them stays behind."""

import os
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Self

from parkstream_devtools.readiness import is_ready
from parkstream_devtools.redis_functions import load_functions
from parkstream_devtools.servers import guardian
from parkstream_devtools.servers.process import Process, Started, StartError, free_port
from parkstream_devtools.servers.rabbitmq import RabbitServer
from parkstream_devtools.servers.rabbitmq_cluster import RabbitCluster
from parkstream_devtools.servers.redis import RedisServer
from parkstream_devtools.servers.replicated_redis import Place, ReplicatedRedis, SentinelServer

READY_SECONDS = 120.0
TERMINATE_SECONDS = 60.0


class ServiceProcess(Started):
    """One of our services, run as ``python -m MODULE``."""

    def __init__(self, process: Process, port: int) -> None:
        super().__init__(process)
        self.port = port
        process.launch()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def wait_ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Return when ``/health/ready`` answers 200; raise ``StartError`` with its last lines when it does not."""
        self._process.wait_until(lambda: is_ready(self.url), timeout_seconds)

    def restart(self) -> None:
        """Start it again after it ended, on the same port."""
        self._process.launch()

    def kill(self) -> None:
        """Kill it on the spot (SIGKILL)."""
        self._process.end(signal.SIGKILL, TERMINATE_SECONDS)

    def terminate(self, timeout_seconds: float = TERMINATE_SECONDS) -> int:
        """Ask it to end (SIGTERM), wait, and return its exit code; negative when it had to be killed."""
        return self._process.end(signal.SIGTERM, timeout_seconds)


class Sandbox:
    """Servers and services that end, with their folder, when the block ends, or the process does, however it does.

    A *folder* that is named stays: servers in it begin with what they left there. *lock*: a descriptor that is open
    until the last of them is gone.
    """

    def __init__(self, folder: Path | None = None, *, lock: int | None = None) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="parkstream-")) if folder is None else folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._keep = folder is not None
        self._names = defaultdict[str, "count[int]"](lambda: count(1))
        self._guardian = guardian.spawn(lock)
        self._running: list[RedisServer | SentinelServer | RabbitServer | ServiceProcess] = []
        if not self._keep:
            self._announce(f"/ {self.folder}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def redis(
        self, environ: Mapping[str, str] = MappingProxyType({}), *, password: str = "", **config: str
    ) -> RedisServer:
        """Start a Redis that has our functions; *config* are its directives: ``maxmemory="64mb"``."""
        server = RedisServer(self.folder / self._numbered("redis"), self._announce, config, environ, password)
        self._running.append(server)
        load_functions(server.url)
        return server

    def replicated_redis(
        self,
        *,
        replicas: int = 2,
        sentinels: int = 3,
        password: str = "",
        places: Sequence[Place] = (),
        apart: bool = False,
        **config: str,
    ) -> ReplicatedRedis:
        """Start a Redis primary with replicas and Sentinels; it has our functions. See ``redis`` for *config*."""
        folder = self.folder / self._numbered("replicated-redis")
        servers = ReplicatedRedis(
            folder,
            self._announce,
            config,
            replicas=replicas,
            sentinels=sentinels,
            password=password,
            places=places,
            apart=apart,
        )
        self._running += servers.started
        load_functions(servers.url)
        return servers

    def rabbitmq(self, *, wait: bool = True, metrics: bool = False, password: str = "") -> RabbitServer:
        """Start a RabbitMQ; without *wait*, call its ``wait_ready`` before use; *metrics* for its Prometheus port."""
        folder = self.folder / self._numbered("rabbitmq")
        server = RabbitServer(folder, self._announce, wait=wait, metrics=metrics, password=password)
        self._running.append(server)
        return server

    def rabbitmq_cluster(self, nodes: int = 3) -> RabbitCluster:
        """Start a cluster of so many RabbitMQ *nodes*, and wait until each takes messages."""
        cluster = RabbitCluster(self.folder / self._numbered("rabbitmq-cluster"), self._announce, nodes)
        self._running += cluster.nodes
        cluster.wait_ready()
        return cluster

    def service(self, module: str, environ: Mapping[str, str], name: str | None = None) -> ServiceProcess:
        """Start ``python -m MODULE`` with *environ* beside this process' own; on a free port unless that names one."""
        port = int(environ.get("PARKSTREAM_PORT", "0")) or free_port()
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PARKSTREAM_", "OTEL_"))}
        full = {**inherited, **environ, "PARKSTREAM_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        called = name or self._numbered(module)
        command = [sys.executable, "-m", module]
        process = ServiceProcess(Process(called, command, full, self.folder / f"{called}.log", self._announce), port)
        self._running.append(process)
        return process

    @property
    def started(self) -> Sequence[Started]:
        """All that was started here, the oldest first."""
        return self._running

    def close(self) -> None:
        """Stop everything, the newest first; services get the time to drain, servers only if their files stay."""
        for running in reversed(self._running):
            if not running.alive:
                continue
            if isinstance(running, ServiceProcess):
                running.terminate()
            elif self._keep:
                running.stop()
            else:
                running.kill()
        self._running.clear()
        if self._keep:
            self._announce("keep")
        assert self._guardian.stdin is not None
        with suppress(BrokenPipeError):
            self._guardian.stdin.close()
        self._guardian.wait()

    def _numbered(self, name: str) -> str:
        return f"{name}-{next(self._names[name])}"

    def _announce(self, line: str) -> None:
        assert self._guardian.stdin is not None
        try:
            self._guardian.stdin.write(f"{line}\n".encode())
            self._guardian.stdin.flush()
        except BrokenPipeError as error:
            message = "the guardian of the sandbox is gone: nothing would be cleaned up after a kill -9"
            raise StartError(message) from error
