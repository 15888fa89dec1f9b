"""A mall on a RabbitMQ cluster of three nodes, and on a Redis with two replicas and three Sentinels."""

import time
from typing import ClassVar, Final

from parkstream_devtools.faults import Proxy
from parkstream_devtools.servers.process import free_port
from parkstream_devtools.servers.rabbitmq_cluster import RabbitCluster
from parkstream_devtools.servers.replicated_redis import Place, RedisNode, ReplicatedRedis
from redis.exceptions import RedisError

from chaos.mall import Mall

REPLICAS_MIN: Final = "1"
NODES: Final = 3
STAYS_AWAY_SECONDS: Final = 45.0
"""A supervisor starts a node anew that is no use for so long: RabbitMQ 3.10 may fail to go on where it had paused."""
SENTINELS: Final = "sentinel-{}"
"""What links to Sentinels are called."""


class ClusterMall(Mall):
    """The same mall; backends wait for one replica. Nodes of Redis meet each other and their clients at proxies."""

    cluster: RabbitCluster
    replicated: ReplicatedRedis

    def _start_servers(self) -> None:
        self.cluster = self.sandbox.rabbitmq_cluster()
        self._useless_since: dict[str, float] = {}
        self._before_nodes = [self._stack.enter_context(Proxy(free_port())) for _ in range(NODES)]
        places = [Place(proxy.upstream_port, proxy.port) for proxy in self._before_nodes]
        self.replicated = self.sandbox.replicated_redis(replicas=NODES - 1, places=places, apart=True)
        self.cluster.wait_ready()

    @property
    def rabbitmq_url(self) -> str:
        """Where all nodes are."""
        return self.cluster.url

    @property
    def redis_url(self) -> str:
        """Where all Sentinels are."""
        return self.replicated.url

    def servers_away(self) -> str:
        """Return which of both is not whole."""
        if not self.cluster.is_whole():
            self._start_useless_nodes()
            return "not all nodes of RabbitMQ are there"
        self._useless_since.clear()
        try:
            return "" if self.replicated.in_step() else "not all replicas of Redis follow"
        except (RedisError, KeyError) as error:
            return f"the Sentinels name no primary: {error!r}"

    def _start_useless_nodes(self) -> None:
        """Start those anew whose process runs and that answered nothing for ``STAYS_AWAY_SECONDS``."""
        for node in self.cluster.nodes:
            if node.management.answers():
                self._useless_since.pop(node.node, None)
            elif time.monotonic() > self._useless_since.setdefault(node.node, time.monotonic()) + STAYS_AWAY_SECONDS:
                node.kill()
                node.launch()
                del self._useless_since[node.node]

    def before(self, node: RedisNode) -> Proxy:
        """Return what is between *node* and all others."""
        return self._before_nodes[self.replicated.nodes.index(node)]

    def _of_servers(self) -> dict[str, str]:
        return {} if self.may_lose else {"PARKSTREAM_REDIS_REPLICAS_MIN": REPLICAS_MIN}

    def _rabbitmq_for(self, client: str) -> dict[str, str]:  # noqa: ARG002 - everybody knows all nodes
        return {}

    def _redis_for(self, client: str) -> dict[str, str]:
        ports = [self._through(client, SENTINELS.format(number)) for number in range(len(self.replicated.sentinels))]
        return {"PARKSTREAM_REDIS_URL": self.replicated.url_at(ports)}

    def _port_of(self, server: str) -> int:
        ports = {SENTINELS.format(number): one.port for number, one in enumerate(self.replicated.sentinels)}
        return ports.get(server) or super()._port_of(server)


class OneDiskMall(ClusterMall):
    """A mall whose backends wait for no replica: what that costs."""

    may_lose: ClassVar[bool] = True
