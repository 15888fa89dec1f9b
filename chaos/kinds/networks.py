"""Connections that break, stall, swallow or crawl, at the proxy between one client and one server."""

from collections.abc import Callable
from random import Random

from parkstream_devtools.faults import (
    ERRORS,
    Blackhole,
    Cut,
    Ending,
    Fault,
    HalfOpen,
    OneByteAPacket,
    Proxy,
    RedisCalls,
    Slow,
)

from chaos.kinds.kind import Drawn, Kind
from chaos.mall import Link, Mall

LATENCY_SECONDS = (0.01, 0.3)
BROKEN_SHARE = 0.2
BROKEN_MAX = 12


class CallsBroken(Fault):
    """Some calls to Redis through *proxy* end in ways that *random* draws."""

    kind = "redis-calls-broken"

    def __init__(self, proxy: Proxy, redis_port: int, random: Random) -> None:
        self._proxy = proxy
        self._redis_port = redis_port
        self._random = random
        self._calls: RedisCalls | None = None

    def inject(self) -> None:
        """See ``Fault.inject``."""
        self._calls = RedisCalls(self._redis_port)
        ways = [*(way for way in Ending if way is not Ending.BLACK_HOLE), *ERRORS]
        plan = [
            self._random.choice(ways) if self._random.random() < BROKEN_SHARE else None for _ in range(5 * BROKEN_MAX)
        ]
        self._calls.plan_every_name(lambda _: plan)
        self._proxy.lead_to(self._calls.port)

    def heal(self) -> None:
        """See ``Fault.heal``."""
        self._proxy.lead_to(self._redis_port)
        if self._calls is not None:
            self._calls.close()
            self._calls = None


def _of_link(name: str, make: Callable[[Proxy, Random], Fault]) -> Kind:
    def draw(mall: Mall, random: Random) -> Drawn:
        link = _a_link(mall, random)
        return Drawn(make(mall.links[link], random), f"{link.client} to {link.server}")

    return Kind(name=name, draw=draw)


def _a_link(mall: Mall, random: Random, server: str = "") -> Link:
    return random.choice(sorted(link for link in mall.links if server in {"", link.server}))


def _slow(proxy: Proxy, random: Random) -> Fault:
    return Slow(proxy, random.uniform(*LATENCY_SECONDS))


def _calls_broken(mall: Mall, random: Random) -> Drawn:
    link = _a_link(mall, random, "Redis")
    return Drawn(CallsBroken(mall.links[link], mall.redis.port, random), f"calls of {link.client}")


NETWORKS = [
    _of_link("network-cut", lambda proxy, _: Cut(proxy)),
    _of_link("network-blackhole", lambda proxy, _: Blackhole(proxy)),
    _of_link("network-half-open", lambda proxy, _: HalfOpen(proxy)),
    _of_link("network-slow", _slow),
    _of_link("network-one-byte", lambda proxy, _: OneByteAPacket(proxy)),
    Kind(name="redis-calls-broken", draw=_calls_broken),
]
