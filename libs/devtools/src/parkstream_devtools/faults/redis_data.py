"""A Redis that forgets: emptied, put back to an older append-only file, or stopped in the middle of a write.

Redis keeps its append-only file as a folder of a base, increments and a manifest (since 7.0).
"""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from redis import Redis

from parkstream_devtools.faults.fault import Fault
from parkstream_devtools.faults.processes import Frozen
from parkstream_devtools.servers.redis import RedisServer

AOF_FOLDER: Final = "appendonlydir"
EXEC: Final = b"*1\r\n$4\r\nEXEC\r\n"
"""The end of a transaction, and of each function call that wrote more than once, as it lies in the file."""

UNFINISHED: Final = b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$4\r\ntorn\r\n*1\r\n$4\r\nEXEC\r"
"""A transaction as it lies in the file, all but its last byte."""

WEAK_SETTINGS: Final = (
    ("appendonly", "no"),
    ("appendfsync", "everysec"),
    ("no-appendfsync-on-rewrite", "yes"),
    ("aof-load-truncated", "yes"),
    ("maxmemory-policy", "volatile-ttl"),
)
"""A value for each setting with which Redis may forget, or evict, what it has acknowledged."""


class AofCopy:
    """What *server* had on disk when this was made, as a backup of its folder would hold it."""

    def __init__(self, server: RedisServer, folder: Path) -> None:
        self._server = server
        self._folder = folder
        with Frozen(server):  # So that no file changes while it is copied.
            shutil.copytree(_aof_of(server), folder)

    def put_back(self) -> None:
        """Start the server again with what was copied; it is killed if it runs."""
        if self._server.alive:
            self._server.kill()
        shutil.rmtree(_aof_of(self._server))
        shutil.copytree(self._folder, _aof_of(self._server))
        self._server.start()


class Emptied(Fault):
    """All data of *server* is gone under its clients: every database, or *databases* alone, and the functions.

    Healing puts back what was there, as a restore from the newest backup would.
    """

    kind = "redis-emptied"

    def __init__(
        self, server: RedisServer, scratch: Path, *, databases: Sequence[int] = (), functions: bool = True
    ) -> None:
        self._server = server
        self._scratch = scratch
        self._databases = databases
        self._functions = functions
        self._before: AofCopy | None = None

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._before = AofCopy(self._server, self._scratch / "before")
        for database in self._databases:
            with _client(self._server, database) as redis:
                redis.flushdb()
        with _client(self._server) as redis:
            if not self._databases:
                redis.flushall()
            if self._functions:
                redis.function_flush("SYNC")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if self._before is not None:
            self._before.put_back()
            self._before = None


class Older(Fault):
    """*server* comes back with what it had when *copy* was made; healing puts back what it had just before."""

    kind = "redis-older"

    def __init__(self, server: RedisServer, copy: AofCopy, scratch: Path) -> None:
        self._server = server
        self._copy = copy
        self._scratch = scratch
        self._before: AofCopy | None = None

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._before = AofCopy(self._server, self._scratch / "before")
        self._copy.put_back()

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if self._before is not None:
            self._before.put_back()
            self._before = None


class TornAof(Fault):
    """*server* dies in the middle of writing its last transaction: *missing_bytes* of it never reached the disk.

    It is not started again: with ``aof-load-truncated no`` it refuses to, with ``yes`` it cuts the transaction off and
    says nothing. Healing repairs the file as the manual says (``redis-check-aof --fix``) and starts the server.
    """

    kind = "redis-torn-aof"

    def __init__(self, server: RedisServer, *, missing_bytes: int = 2) -> None:
        self._server = server
        self._missing_bytes = missing_bytes

    def inject(self) -> None:
        """See ``Fault.inject``; raises ``ValueError`` when there is no transaction in the newest increment."""
        self._server.kill()
        newest = self._newest()
        content = newest.read_bytes()
        last = content.rfind(EXEC)
        if last < 0:
            message = f"{newest} holds no transaction"
            raise ValueError(message)
        newest.write_bytes(content[: last + len(EXEC) - self._missing_bytes])

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if self._server.alive:
            return
        manifest = next(_aof_of(self._server).glob("*.manifest"))
        command = ["redis-check-aof", "--fix", str(manifest)]
        subprocess.run(command, input=b"y\n", check=True, capture_output=True)
        self._server.start()

    def _newest(self) -> Path:
        return max(_aof_of(self._server).glob("*.incr.aof"), key=lambda path: int(path.name.split(".")[-3]))


class HalfWritten(TornAof):
    """*server* dies when *written_bytes* of a transaction, which it has answered nobody, have reached the disk."""

    kind = "redis-half-written"

    def __init__(self, server: RedisServer, *, written_bytes: int) -> None:
        super().__init__(server)
        self._written_bytes = written_bytes

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._server.kill()
        with self._newest().open("ab") as file:
            file.write(UNFINISHED[: self._written_bytes])


class Weakened(Fault):
    """*server* is set so that it may forget or evict: ``CONFIG SET`` of *settings*; healing sets them as they were."""

    kind = "redis-weakened"

    def __init__(self, server: RedisServer, **settings: str) -> None:
        self._server = server
        self._settings = {name.replace("_", "-"): value for name, value in settings.items()}
        self._before: dict[str, str] = {}

    def inject(self) -> None:
        """See ``Fault.inject``."""
        with _client(self._server) as redis:
            self._before = {name: redis.config_get(name)[name] for name in self._settings}
            for name, value in self._settings.items():
                redis.config_set(name, value)

    def heal(self) -> None:
        """See ``Fault.heal``."""
        with _client(self._server) as redis:
            for name, value in self._before.items():
                redis.config_set(name, value)


class MemoryFull(Weakened):
    """*server* has no memory left: ``maxmemory`` is what it uses, plus *left_bytes*; it refuses every write (OOM)."""

    kind = "redis-memory-full"

    def __init__(self, server: RedisServer, *, left_bytes: int = 0) -> None:
        super().__init__(server)
        self._left_bytes = left_bytes

    def inject(self) -> None:
        """See ``Fault.inject``."""
        with _client(self._server) as redis:
            memory = redis.info("memory")
        counted = memory["used_memory"] - memory.get("mem_not_counted_for_evict", 0)
        self._settings = {"maxmemory": str(max(1, counted + self._left_bytes))}
        super().inject()


def _aof_of(server: RedisServer) -> Path:
    return server.folder / AOF_FOLDER


def _client(server: RedisServer, database: int = 0) -> Any:  # noqa: ANN401 - redis-py's answers are untyped
    return Redis(port=server.port, db=database, decode_responses=True, socket_timeout=30)
