"""Another node of Redis becomes the primary: the old one dies, stands still, is cut off with its clients, is lost."""

from collections.abc import Callable
from random import Random
from typing import Any

from parkstream_devtools.faults import Blackhole, Fault, Frozen, Killed
from parkstream_devtools.servers.replicated_redis import NODES_AT, SENTINELS_AT, RedisNode
from parkstream_events.keys import BackendKeys
from redis import Redis
from redis.exceptions import RedisError

from chaos.cluster_mall import ClusterMall
from chaos.kinds.kind import Drawn, Kind, Together
from chaos.mall import MALL, Mall
from chaos.verdict import wait_until

LAG_SECONDS_MAX = 600
"""A primary whose machine is lost takes writes until then, however long its replicas stood still before."""


class FailedOver(Fault):
    """The primary is gone as *fault* says, until the Sentinels have another one, and longer."""

    kind = "failed-over"

    def __init__(self, mall: ClusterMall, fault: Fault, old: RedisNode) -> None:
        self._mall = mall
        self._fault = fault
        self._old = old

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._fault.inject()
        wait_until(lambda: _without_successor(self._mall, self._old), "another node becomes the primary")

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._fault.heal()


class Lost(Fault):
    """Both replicas stand still, and hear nothing of what is recorded then; at last the primary's machine is lost.

    Healing is what happens from then on: they go on, one becomes the primary, and an empty node follows it.
    """

    kind = "lost"

    def __init__(self, mall: ClusterMall, old: RedisNode) -> None:
        self._mall = mall
        self._old = old
        self._deaf = Blackhole(mall.before(old), only_of=frozenset({NODES_AT}))
        self._frozen = [Frozen(one) for one in mall.replicated.nodes if one is not old]
        self._records = -1

    def inject(self) -> None:
        """See ``Fault.inject``."""
        with _client(self._old) as redis:
            redis.config_set("min-replicas-max-lag", LAG_SECONDS_MAX)
        self._deaf.inject()
        for one in self._frozen:
            one.inject()
        self._records = self._recorded()

    def heal(self) -> None:
        """See ``Fault.heal``."""
        if self._records < 0:
            return
        wait_until(lambda: "" if self._recorded() > self._records else "nothing", "cars are recorded by the primary")
        self._old.lose()
        for one in [self._deaf, *self._frozen]:
            one.heal()
        wait_until(lambda: _without_successor(self._mall, self._old), "another node becomes the primary")
        replicated = self._mall.replicated
        self._old.start_empty(replicated.known_as(replicated.primary()))

    def _recorded(self) -> int:
        with _client(self._old) as redis:
            return int(redis.xlen(BackendKeys(MALL).log))


def _cut_off(mall: ClusterMall, old: RedisNode) -> Fault:
    """Return a partition: *old* and all of our services on one side, all other nodes and the Sentinels on the other."""
    peers = Blackhole(mall.before(old), only_of=frozenset({NODES_AT, SENTINELS_AT}))
    return Together([peers, *(Blackhole(proxy) for proxy in mall.links.values())])


def _client(node: RedisNode) -> Any:  # noqa: ANN401 - redis-py's answers are untyped
    untyped: Any = Redis
    return untyped.from_url(node.url)


def _without_successor(mall: ClusterMall, old: RedisNode) -> str:
    """Return what the Sentinels say while *old* is their primary."""
    try:
        return "it is the old one" if mall.replicated.primary() is old else ""
    except (RedisError, KeyError) as error:
        return repr(error)


def _of_primary(name: str, make: Callable[[ClusterMall, RedisNode], Fault], *, quiet: bool = False) -> Kind:
    def draw(mall: Mall, _: Random) -> Drawn:
        assert isinstance(mall, ClusterMall)
        primary = mall.replicated.primary()
        return Drawn(make(mall, primary), f"redis on port {primary.port}")

    return Kind(name=name, draw=draw, quiet=quiet)


FAILOVERS = [
    _of_primary("redis-primary-killed", lambda mall, old: FailedOver(mall, Killed(old, old.start), old)),
    _of_primary("redis-primary-frozen", lambda mall, old: FailedOver(mall, Frozen(old), old)),
    _of_primary("redis-primary-cut-off", lambda mall, old: FailedOver(mall, _cut_off(mall, old), old)),
    _of_primary("redis-primary-lost", Lost, quiet=True),
]
