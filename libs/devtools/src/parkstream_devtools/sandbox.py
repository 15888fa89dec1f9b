"""One folder, its servers and services, and the promise that nothing of them stays behind."""

import os
import signal
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import MappingProxyType
from typing import Self

from parkstream_devtools.redis_functions import load_functions
from parkstream_devtools.servers import guardian
from parkstream_devtools.servers.process import Process, StartError, free_port
from parkstream_devtools.servers.rabbitmq import RabbitServer
from parkstream_devtools.servers.redis import RedisServer

READY_SECONDS = 30.0
TERMINATE_SECONDS = 15.0


class ServiceProcess:
    """One of our services, run as ``python -m MODULE``."""

    def __init__(self, process: Process, port: int) -> None:
        self._process = process
        self.port = port
        process.launch()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def name(self) -> str:
        """What it is called here."""
        return self._process.name

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    @property
    def exit_code(self) -> int | None:
        """Its exit code, when it has ended."""
        return self._process.exit_code

    @property
    def output(self) -> Path:
        """The file that holds what it writes."""
        return self._process.output

    def last_lines(self, lines: int = 15) -> str:
        """Return the end of what it wrote."""
        return self._process.last_lines(lines)

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


def is_ready(url: str) -> bool:
    """Return whether the service at *url* says that it is ready."""
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=5) as answer:  # noqa: S310 - the address is ours
            return bool(answer.status == 200)  # noqa: PLR2004 - OK
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


class Sandbox:
    """Servers and services that end, with their folder, when the block ends, or the process does, however it does."""

    def __init__(self, folder: Path | None = None, *, keep: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="parkstream-")) if folder is None else folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._keep = keep or folder is not None
        self._names = count(1)
        self._guardian = guardian.spawn()
        self._running: list[RedisServer | RabbitServer | ServiceProcess] = []
        if not self._keep:
            self._announce(f"/ {self.folder}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def redis(self, environ: Mapping[str, str] = MappingProxyType({}), **config: str) -> RedisServer:
        """Start a Redis that has our functions; *config* are its directives: ``maxmemory="64mb"``."""
        server = RedisServer(self.folder / f"redis-{next(self._names)}", self._announce, config, environ)
        self._running.append(server)
        load_functions(server.url)
        return server

    def rabbitmq(self, *, wait: bool = True, metrics: bool = False) -> RabbitServer:
        """Start a RabbitMQ; without *wait*, call its ``wait_ready`` before use; *metrics* for its Prometheus port."""
        folder = self.folder / f"rabbitmq-{next(self._names)}"
        server = RabbitServer(folder, self._announce, wait=wait, metrics=metrics)
        self._running.append(server)
        return server

    def service(self, module: str, environ: Mapping[str, str], name: str | None = None) -> ServiceProcess:
        """Start ``python -m MODULE`` with *environ* beside this process' own; on a free port unless that names one."""
        port = int(environ.get("PARKSTREAM_PORT", "0")) or free_port()
        inherited = {key: value for key, value in os.environ.items() if not key.startswith(("PARKSTREAM_", "OTEL_"))}
        full = {**inherited, **environ, "PARKSTREAM_PORT": str(port), "PYTHONUNBUFFERED": "1"}
        called = name or f"{module}-{next(self._names)}"
        command = [sys.executable, "-m", module]
        process = ServiceProcess(Process(called, command, full, self.folder / f"{called}.log", self._announce), port)
        self._running.append(process)
        return process

    def close(self) -> None:
        """Stop everything, the newest first; services get the time to drain, servers do not need it."""
        for running in reversed(self._running):
            if not running.alive:
                continue
            if isinstance(running, ServiceProcess):
                running.terminate()
            else:
                running.kill()
        self._running.clear()
        if self._keep:
            self._announce("keep")
        assert self._guardian.stdin is not None
        with suppress(BrokenPipeError):
            self._guardian.stdin.close()
        self._guardian.wait()

    def _announce(self, line: str) -> None:
        assert self._guardian.stdin is not None
        try:
            self._guardian.stdin.write(f"{line}\n".encode())
            self._guardian.stdin.flush()
        except BrokenPipeError as error:
            message = "the guardian of the sandbox is gone: nothing would be cleaned up after a kill -9"
            raise StartError(message) from error
