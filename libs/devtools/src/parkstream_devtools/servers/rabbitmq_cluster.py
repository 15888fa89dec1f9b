"""A private RabbitMQ cluster on loopback: nodes that can be killed, frozen and started again one by one."""

import json
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote

from parkstream_devtools.servers.rabbitmq import Mapper, Membership, RabbitServer

TICK_SECONDS: Final = 8
"""A node from which nothing is heard for so long, and a quarter more, is down: one that is frozen, or cut off."""
_CONFIG: Final = """\
cluster_name = parkstream
cluster_formation.peer_discovery_backend = classic_config
cluster_partition_handling = pause_minority
"""


class RabbitCluster:
    """As many RabbitMQ nodes as *count*, of one cluster; ``wait_ready`` before use."""

    def __init__(self, folder: Path, announce: Callable[[str], None], count: int = 3) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._mapper = Mapper(folder, announce)
        names = [f"n{number}@localhost" for number in range(1, count + 1)]
        listed = [f"cluster_formation.classic_config.nodes.{at} = {name}\n" for at, name in enumerate(names, 1)]
        config = _CONFIG + "".join(listed)
        erlang = f"-kernel net_ticktime {TICK_SECONDS}"
        members = [Membership(name, self._mapper, config, erlang) for name in names]
        self.nodes = [RabbitServer(folder / one.node, announce, wait=False, membership=one) for one in members]

    @property
    def url(self) -> str:
        """Address of the default vhost, with all nodes."""
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"amqp://guest:guest@{hosts}/"

    def wait_ready(self) -> None:
        """Wait until each node takes messages, and knows all others."""
        for node in self.nodes:
            node.wait_ready()
            node.wait_until(partial(self._is_complete, node))

    def is_whole(self) -> bool:
        """Whether each node takes messages, and knows all others."""
        return all(node.alive and self._is_complete(node) for node in self.nodes)

    def kill(self) -> None:
        """Kill all nodes on the spot."""
        for node in self.nodes:
            node.kill()

    def start(self) -> None:
        """Start those that do not run, all at once, and wait for them: one alone waits for the others."""
        for node in self.nodes:
            if not node.alive:
                node.launch()
        self.wait_ready()

    def close(self) -> None:
        """Kill everything."""
        self.kill()
        self._mapper.kill()

    def add_vhost(self, name: str) -> str:
        """Make the vhost *name*, wait until it runs on each node, and return its address."""
        self.any.wait_until(partial(self._runs, quote(name, safe=""), name))
        return self.url + quote(name, safe="")

    @property
    def any(self) -> RabbitServer:
        """A node that runs."""
        return next(node for node in self.nodes if node.alive)

    def at(self, port: int) -> RabbitServer:
        """Return the node that listens on *port*."""
        return next(node for node in self.nodes if node.port == port)

    def run(self, tool: str, *words: str) -> str:
        """Return what a command line *tool* of RabbitMQ answers at a node that runs."""
        return self.any.run(tool, *words)

    def queue(self, vhost: str, name: str) -> dict[str, Any]:
        """Return what RabbitMQ knows of a queue: its ``leader``, its ``members``, which of them are ``online``."""
        answer = self.any.management.request("GET", f"/queues/{quote(vhost, safe='')}/{quote(name, safe='')}")
        found: dict[str, Any] = json.loads(answer)
        return found

    def leader(self, vhost: str, name: str) -> RabbitServer:
        """Return the node that leads a queue."""
        leader = self.queue(vhost, name)["leader"]
        return next(node for node in self.nodes if node.node == leader)

    def _is_complete(self, node: RabbitServer) -> bool:
        try:
            found: list[dict[str, Any]] = json.loads(node.management.request("GET", "/nodes"))
        except (OSError, ValueError):  # One that begins answers nothing yet, or no JSON.
            return False
        return sum(1 for one in found if one.get("running")) == len(self.nodes)

    def _runs(self, path: str, name: str) -> bool:
        """Make the vhost *name*, at *path*, and start it where it stands still; return whether it runs everywhere.

        Where a node does not start it yet, making it is answered with 500, and is not made up for by making it again.
        """
        management = self.any.management
        try:
            management.add_vhost(name)
            state: dict[str, str] = json.loads(management.request("GET", f"/vhosts/{path}"))["cluster_state"]
            still = [node.node for node in self.nodes if state.get(node.node) != "running"]
            for node in still:
                management.request("POST", f"/vhosts/{path}/start/{node}")
        except OSError as error:
            if isinstance(error, HTTPError) and error.code < HTTPStatus.INTERNAL_SERVER_ERROR:
                raise
            return False
        return not still
