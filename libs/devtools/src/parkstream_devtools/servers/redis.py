"""A private Redis that writes every command to disk before it answers."""

import os
import shutil
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from parkstream_devtools.private_files import write_private
from parkstream_devtools.servers.process import Process, Started, answers, free_port

PROGRAM: Final = "PARKSTREAM_REDIS_SERVER"
"""The variable that names another program than the ``redis-server`` on PATH: one of another version."""
START_SECONDS = 60.0
STOP_SECONDS = 60.0


class RedisServer(Started):
    """A Redis on a port and in a folder of its own; *config* are more of its directives, *environ* goes beside ours.

    With a *password* nobody gets in without it.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        folder: Path,
        announce: Callable[[str], None],
        config: dict[str, str],
        environ: Mapping[str, str] = MappingProxyType({}),
        password: str = "",
        *,
        port: int = 0,
    ) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._password = password
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
        super().__init__(Process("redis", [], {**os.environ, **environ}, folder / "redis.log", announce))
        self.start()

    @property
    def url(self) -> str:
        """Address without a database."""
        return f"redis://{f':{self._password}@' if self._password else ''}127.0.0.1:{self.port}"

    def start(self, **config: str) -> None:
        """Start it (again, with what its files hold, and other directives) and wait until it answers."""
        self._process.launch([program(), *self._options(directives(config))])
        login, welcome = (f"AUTH {self._password}\r\n", "+OK\r\n") if self._password else ("", "")
        self._process.wait_until(
            lambda: answers(self.port, f"{login}PING\r\n".encode(), f"{welcome}+PONG".encode()), START_SECONDS
        )

    def _options(self, config: dict[str, str]) -> list[str]:
        """Return what its command line says, *config* above all."""
        settings = {**self._settings, **config}
        return [*self._guarded(), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    def _guarded(self) -> list[str]:
        """Return the file that has the password: everybody on the machine may read command lines."""
        if not self._password:
            return []
        file = self.folder / "redis.conf"
        write_private(file, f"requirepass {self._password}\n".encode())
        return [str(file)]

    def stop(self) -> None:
        """Stop it in good order."""
        self._process.end(signal.SIGTERM, STOP_SECONDS)

    def kill(self) -> None:
        """Kill it on the spot (SIGKILL)."""
        self._process.end(signal.SIGKILL, STOP_SECONDS)

    def lose(self) -> None:
        """Kill it with all that it had on disk; what it wrote to its output stays."""
        self.kill()
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path != self.output:
                path.unlink()


def program() -> str:
    """Return which Redis is started."""
    return os.environ.get(PROGRAM) or "redis-server"


def directives(config: Mapping[str, str]) -> dict[str, str]:
    """Return *config* as redis.conf spells it."""
    return {name.replace("_", "-"): value for name, value in config.items()}
