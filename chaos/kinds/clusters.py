"""Nodes of a RabbitMQ cluster, replicas of a Redis and Sentinels that die, or stand still."""

import json
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

from parkstream_devtools.faults import Fault, Frozen, Killed
from parkstream_devtools.servers.rabbitmq import RabbitServer
from parkstream_devtools.servers.rabbitmq_cluster import RabbitCluster
from parkstream_events.topology import WORK_QUEUES

from chaos.cluster_mall import ClusterMall
from chaos.kinds.kind import Drawn, Kind, Together
from chaos.mall import Mall
from chaos.verdict import wait_until

VHOST: Final = "/"


class NodeCutOff(Fault):
    """*node* hears nothing of the others any more, nor they of it: it knows no secret that they share.

    It is the minority and stops, so that its clients look for others, until it hears of them again.
    """

    kind = "rabbitmq-node-cut-off"

    def __init__(self, cluster: RabbitCluster, node: RabbitServer) -> None:
        self._cluster = cluster
        self._node = node
        self._others = ", ".join(f"'{one.node}'" for one in cluster.nodes if one is not node)

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._each("erlang:set_cookie(N, apart), erlang:disconnect_node(N)")
        wait_until(lambda: "they are together" if self._cluster.is_whole() else "", "the node is cut off")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._each("erlang:set_cookie(N, erlang:get_cookie())")

    def _each(self, code: str) -> None:
        self._node.control("eval", f"lists:foreach(fun(N) -> {code} end, [{self._others}]).")


def _of_cluster(name: str, draw: Callable[[ClusterMall, Random], Drawn]) -> Kind:
    def drawn(mall: Mall, random: Random) -> Drawn:
        assert isinstance(mall, ClusterMall)
        return draw(mall, random)

    return Kind(name=name, draw=drawn)


def _nodes_killed(nodes: Sequence[RabbitServer]) -> Drawn:
    return Drawn(Together([Killed(node, node.launch) for node in nodes]), ", ".join(node.node for node in nodes))


def _leader(mall: ClusterMall, random: Random) -> RabbitServer:
    return mall.cluster.leader(VHOST, random.choice(sorted(WORK_QUEUES)))


def _follower(mall: ClusterMall, random: Random) -> RabbitServer:
    leaders = [mall.cluster.leader(VHOST, queue) for queue in WORK_QUEUES]
    return random.choice([node for node in mall.cluster.nodes if node not in leaders])


def _node_cut_off(mall: ClusterMall, random: Random) -> Drawn:
    """One that delivers to a backend, if RabbitMQ knows: the details are an empty list before."""
    consumers: list[dict[str, Any]] = json.loads(mall.cluster.any.management.request("GET", "/consumers"))
    details = [one["channel_details"] for one in consumers if one["queue"]["name"] in WORK_QUEUES]
    used = {one["node"] for one in details if one}
    node = random.choice([one for one in mall.cluster.nodes if one.node in used] or mall.cluster.nodes)
    return Drawn(NodeCutOff(mall.cluster, node), node.node)


def _replica_killed(mall: ClusterMall, random: Random) -> Drawn:
    replica = random.choice(mall.replicated.replicas())
    return Drawn(Killed(replica, replica.start), f"redis on port {replica.port}")


def _replicas_frozen(mall: ClusterMall, _: Random) -> Drawn:
    return Drawn(Together([Frozen(one) for one in mall.replicated.replicas()]), "both replicas")


def _sentinels_killed(mall: ClusterMall, random: Random) -> Drawn:
    two = random.sample(mall.replicated.sentinels, 2)
    return Drawn(Together([Killed(one, one.start) for one in two]), "two of three Sentinels")


CLUSTERS = [
    _of_cluster("node-leading-killed", lambda mall, random: _nodes_killed([_leader(mall, random)])),
    _of_cluster("node-following-killed", lambda mall, random: _nodes_killed([_follower(mall, random)])),
    _of_cluster("two-nodes-killed", lambda mall, random: _nodes_killed(random.sample(mall.cluster.nodes, 2))),
    _of_cluster("all-nodes-killed", lambda mall, _: _nodes_killed(mall.cluster.nodes)),
    _of_cluster("rabbitmq-node-cut-off", _node_cut_off),
    _of_cluster("redis-replica-killed", _replica_killed),
    _of_cluster("redis-replicas-frozen", _replicas_frozen),
    _of_cluster("redis-sentinels-killed", _sentinels_killed),
]
