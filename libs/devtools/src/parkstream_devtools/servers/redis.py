"""A private Redis that writes every command to disk before it answers."""

import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from parkstream_devtools.servers.process import Process, answers, free_port

START_SECONDS = 60.0
STOP_SECONDS = 20.0


class RedisServer:
    """A Redis on a port and in a folder of its own; *config* are more of its directives, *environ* goes beside ours."""

    def __init__(
        self,
        folder: Path,
        announce: Callable[[str], None],
        config: dict[str, str],
        environ: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self.port = free_port()
        settings = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "no-appendfsync-on-rewrite": "no",
            "aof-load-truncated": "no",
            "maxmemory-policy": "noeviction",
            "lazyfree-lazy-expire": "yes",
            "save": "",
            "set-proc-title": "no",  # A title would overwrite the environment that says whose process it is.
            **directives(config),
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._settings = settings
        self._process = Process("redis", [], {**os.environ, **environ}, folder / "redis.log", announce)
        self.start()

    @property
    def url(self) -> str:
        """Address without a database."""
        return f"redis://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process.alive

    def start(self, **config: str) -> None:
        """Start it (again, with what its files hold, and other directives) and wait until it answers."""
        settings = {**self._settings, **directives(config)}
        options = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self._process.launch(["redis-server", *options])
        self._process.wait_until(lambda: answers(self.port, b"PING\r\n", b"+PONG"), START_SECONDS)

    def stop(self) -> None:
        """Stop it in good order."""
        self._process.end(signal.SIGTERM, STOP_SECONDS)

    def kill(self) -> None:
        """Kill it on the spot (SIGKILL)."""
        self._process.end(signal.SIGKILL, STOP_SECONDS)


def directives(config: Mapping[str, str]) -> dict[str, str]:
    """Return *config* as redis.conf spells it."""
    return {name.replace("_", "-"): value for name, value in config.items()}
