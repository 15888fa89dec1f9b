"""A private Redis primary with replicas, and the Sentinels that make another one the primary when it dies."""

import os
import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from redis import Redis
from redis.exceptions import RedisError

from parkstream_devtools.private_files import write_private
from parkstream_devtools.servers.process import Process, Started, answers, free_port
from parkstream_devtools.servers.redis import START_SECONDS, STOP_SECONDS, RedisServer, program

NAME: Final = "parking"
"""What the Sentinels call the primary."""
ANSWER_SECONDS: Final = 20.0
DOWN_AFTER_MS: Final = 1_500
FAILOVER_TIMEOUT_MS: Final = 5_000
REPLICATION: Final = {
    "repl_diskless_sync_delay": "0",
    "repl_ping_replica_period": "1",
    "min_replicas_to_write": "1",
    "min_replicas_max_lag": "3",
}


NODES_AT: Final = "127.0.0.2"
SENTINELS_AT: Final = "127.0.0.3"
"""Where those speak from that are ``apart``: a proxy tells them from clients by it. Linux has both on loopback."""


class Place(NamedTuple):
    """Where a node listens, and under which port all others know it: that of a proxy, perhaps."""

    port: int
    known_as: int


class RedisNode(RedisServer):
    """A Redis whose settings are in a file, so that what Sentinels make of it outlives it."""

    def start_empty(self, port: int) -> None:
        """Start it with nothing, as a replica of the primary at *port*."""
        self._settings["replicaof"] = f"127.0.0.1 {port}"
        self.start()

    def _options(self, config: dict[str, str]) -> list[str]:
        file = self.folder / "redis.conf"
        if not file.exists():
            secret = {"requirepass": self._password, "masterauth": self._password} if self._password else {}
            lines = [f'{name} "{value}"\n' for name, value in {**self._settings, **secret}.items()]
            write_private(file, "".join(lines).encode())
        return [str(file), *(part for name, value in config.items() for part in (f"--{name}", value))]


class SentinelServer(Started):
    """A Sentinel that watches the primary at *port*, as *user*; *quorum* of them agree that it is down.

    *more* are lines of its file beside ours.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        folder: Path,
        announce: Callable[[str], None],
        port: int,
        quorum: int,
        password: str,
        *,
        user: str = "",
        more: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.port = free_port()
        self._file = folder / "sentinel.conf"
        folder.mkdir(parents=True, exist_ok=True)
        lines = [
            f"port {self.port}",
            "bind 127.0.0.1",
            f"dir {folder}",
            "set-proc-title no",
            f"sentinel monitor {NAME} 127.0.0.1 {port} {quorum}",
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}",
            f"sentinel failover-timeout {NAME} {FAILOVER_TIMEOUT_MS}",
            *([f"sentinel auth-user {NAME} {user}"] if user else []),
            *([f"sentinel auth-pass {NAME} {password}"] if password else []),
            *(f"{name} {value}" for name, value in more.items()),
        ]
        write_private(self._file, ("\n".join(lines) + "\n").encode())
        super().__init__(Process("redis-sentinel", [], dict(os.environ), folder / "sentinel.log", announce))
        self.start()

    def start(self) -> None:
        """Start it (again, with what it knew) and wait until it answers."""
        self._process.launch([program(), str(self._file), "--sentinel"])
        self._process.wait_until(lambda: answers(self.port, b"PING\r\n", b"+PONG"), START_SECONDS)

    def stop(self) -> None:
        """Stop it in good order."""
        self._process.end(signal.SIGTERM, STOP_SECONDS)

    def kill(self) -> None:
        """Kill it on the spot (SIGKILL)."""
        self._process.end(signal.SIGKILL, STOP_SECONDS)

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Return when *ready* says so."""
        self._process.wait_until(ready, START_SECONDS)


class ReplicatedRedis:
    """A primary, *replicas* and *sentinels*, in folders below *folder*; *config* are directives of each node.

    *places* are where the nodes are, first the one that begins as the primary; those without one are where they like.
    *apart*: they speak from ``NODES_AT`` and ``SENTINELS_AT``.
    """

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        folder: Path,
        announce: Callable[[str], None],
        config: dict[str, str],
        *,
        replicas: int,
        sentinels: int,
        password: str,
        places: Sequence[Place],
        apart: bool,
    ) -> None:
        self._password = password
        free = [Place(port, port) for port in (free_port() for _ in range(replicas + 1 - len(places)))]
        self._apart = apart
        self._folder, self._announce = folder, announce
        self.places = [*places, *free]
        """In the order of ``nodes``."""
        self.nodes = [self._node(number, place, config) for number, place in enumerate(self.places, 1)]
        """Those that begin as replicas come after the primary."""
        self._known = {place.known_as: node for place, node in zip(self.places, self.nodes, strict=True)}
        quorum = sentinels // 2 + 1
        first = self.places[0].known_as
        self.sentinels = [self.sentinel(f"{number + 1}", first, quorum) for number in range(sentinels)]
        for one in self.sentinels:
            one.wait_until(partial(self._is_whole, one))

    def sentinel(self, name: str, port: int, quorum: int) -> SentinelServer:
        """Start a Sentinel more, which finds the primary at *port*; who calls this ends it."""
        apart = {"bind-source-addr": SENTINELS_AT, "sentinel announce-ip": "127.0.0.1"}
        folder = self._folder / f"sentinel-{name}"
        return SentinelServer(folder, self._announce, port, quorum, self._password, more=apart if self._apart else {})

    @property
    def url(self) -> str:
        """Address for services, without a database."""
        return self.url_at([one.port for one in self.sentinels])

    def url_at(self, ports: Iterable[int]) -> str:
        """Return the address for who finds Sentinels at *ports*: some of them, or through proxies."""
        login = f":{self._password}@" if self._password else ""
        return f"redis+sentinel://{login}{','.join(f'127.0.0.1:{port}' for port in ports)}/{NAME}"

    @property
    def started(self) -> list[RedisNode | SentinelServer]:
        """All that it consists of, the Sentinels last."""
        return [*self.nodes, *self.sentinels]

    def close(self) -> None:
        """Kill everything."""
        for one in self.started:
            one.kill()

    def primary(self) -> RedisNode:
        """Return the node that most of the Sentinels which run take for the primary."""
        ports = [self._primary_by(one) for one in self.sentinels if one.alive]
        return self._known[max(set(ports), key=ports.count)]

    def replicas(self) -> list[RedisNode]:
        """Return the other nodes."""
        primary = self.primary()
        return [one for one in self.nodes if one is not primary]

    def in_step(self) -> bool:
        """Whether every node runs, and follows the primary."""
        try:
            found = info(self.primary(), "replication")
        except RedisError:
            return False
        wanted = len(self.nodes) - 1
        states = [found.get(f"slave{number}", {}).get("state") for number in range(wanted)]
        return found["role"] == "master" and states == ["online"] * wanted

    def known_as(self, node: RedisNode) -> int:
        """Return the port under which all others know *node*."""
        return next(port for port, one in self._known.items() if one is node)

    def _node(self, number: int, place: Place, config: dict[str, str]) -> RedisNode:
        first = self.places[0]
        follows = {} if place is first else {"replicaof": f"127.0.0.1 {first.known_as}"}
        known = {"replica_announce_port": str(place.known_as), "replica_announce_ip": "127.0.0.1"}
        apart = {"bind_source_addr": NODES_AT} if self._apart else {}
        settings = {**REPLICATION, **follows, **known, **apart, **config}
        folder = self._folder / f"redis-{number}"
        return RedisNode(folder, self._announce, settings, password=self._password, port=place.port)

    @staticmethod
    def _primary_by(sentinel: SentinelServer) -> int:
        with _client(f"redis://127.0.0.1:{sentinel.port}") as redis:
            _, port = redis.sentinel_get_master_addr_by_name(NAME)
            return int(port)

    def _is_whole(self, sentinel: SentinelServer) -> bool:
        """Whether *sentinel* knows all others and all nodes, without which there may be no failover."""
        try:
            with _client(f"redis://127.0.0.1:{sentinel.port}") as redis:
                state = redis.sentinel_master(NAME)
        except RedisError:
            return False
        others = state["num-other-sentinels"] == len(self.sentinels) - 1
        return others and state["num-slaves"] == len(self.nodes) - 1 and self.in_step()


def info(node: RedisServer, section: str) -> dict[str, Any]:
    """Return what *node* says of itself."""
    with _client(node.url) as redis:
        found: dict[str, Any] = redis.info(section)
        return found


def _client(url: str) -> Any:  # noqa: ANN401 - redis-py's answers are not typed
    untyped: Any = Redis
    return untyped.from_url(url, socket_timeout=ANSWER_SECONDS)
