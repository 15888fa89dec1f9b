"""The nodes of a RabbitMQ cluster: every connection is made through here, and made anew it leads to another node.

An address lists its nodes (``amqp://user:password@n1,n2:5673/vhost``), or has a name with several addresses. Each
attempt begins behind the node that the attempt before it came to, so one that is dead, frozen or cut off is left behind
after one attempt. Which node comes first is left to chance: connections spread over all of them.
"""

import asyncio
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, Self

from aio_pika import Connection, RobustConnection
from aio_pika.abc import AbstractConnection
from aiormq.connection import DEFAULT_PORTS, TCPTransportFactory, TLSTransportFactory, TransportFactory
from aiormq.exceptions import AMQPConnectionError, AMQPError
from parkstream_service.settings import hosts_of, urls_of_nodes
from parkstream_service.unreachable import ASK_SECONDS, UnreachableError, reason
from yarl import URL

from parkstream_messaging.reasons import give_reasons

ADDRESS_SECONDS: Final = 3.0
"""How long one of several nodes may take to accept a connection, and the name of one to be found."""
CONNECT_TIMEOUT_SECONDS: Final = 10.0
"""How long a service waits to be connected, whichever node it is."""
HEARTBEAT_SECONDS: Final = 10
"""Who hears nothing for twice that takes the other side for dead: RabbitMQ then delivers again what it had."""

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Node(NamedTuple):
    """One address of a node."""

    name: str
    """As it is written, with its port; and with its address when its name has several."""
    host: str
    port: int
    address: str


class Found(NamedTuple):
    """What the names that are listed lead to now."""

    nodes: Sequence[Node]
    unknown: Mapping[str, Exception]
    """By node, why nobody knows its name."""


class Nodes(TransportFactory):
    """The nodes that *url* lists; a connection hears from its own every *heartbeat_seconds*, unless *url* says more."""

    def __init__(self, url: str, *, heartbeat_seconds: int = HEARTBEAT_SECONDS, only: Node | None = None) -> None:
        give_reasons()
        first, *others = map(URL, urls_of_nodes(url))
        self.url = first.update_query(heartbeat=first.query.get("heartbeat") or heartbeat_seconds)
        """The address of the first one; user, virtual host and options are those of all."""
        self._listed = [(one.host or "", one.port or DEFAULT_PORTS[one.scheme]) for one in (first, *others)]
        self._by: TransportFactory = TLSTransportFactory() if first.scheme == "amqps" else TCPTransportFactory()
        self._tried: Node | None = None
        self._only = only
        self._writer: asyncio.StreamWriter | None = None
        """What carries the last connection, or would have carried it."""
        self.current = ""
        """The node that the last connection leads to."""

    @property
    def user(self) -> str:
        """As whom connections log in."""
        return self.url.user or "guest"

    def only(self, node: Node) -> Self:
        """Return the same with no other node than *node*."""
        return type(self)(str(self.url), only=node)

    async def connect(self, timeout_seconds: float | None = None) -> AbstractConnection:
        """Return a connection to one of them; each attempt at one may take so long. Raises what the last one did."""
        for left in reversed(range(max(1, len((await self.found()).nodes)))):
            self._writer = None
            connection = Connection(self.url)
            connection.kwargs["transport_factory"] = self
            try:
                await connection.connect(timeout=timeout_seconds)
            except BaseException as error:
                # Else both are closed when they are collected, whenever and wherever that is.
                if self._writer is not None:
                    self._writer.transport.abort()
                await connection.close()
                if not (left and isinstance(error, OSError | AMQPError)):  # A TimeoutError is an OSError.
                    raise
            else:
                return connection
        raise AssertionError

    def robust(self) -> type[RobustConnection]:
        """Return the class of a connection that is made anew, to another node, whenever it is lost."""
        nodes = self

        class ToAnother(RobustConnection):
            def __init__(self, url: URL, **options: Any) -> None:  # noqa: ANN401 - handed on
                super().__init__(url, **options)
                self.kwargs["transport_factory"] = nodes

        return ToAnother

    async def found(self) -> Found:
        """Return every address of every node."""
        if self._only is not None:
            return Found([self._only], {})
        patience = ADDRESS_SECONDS if len(self._listed) > 1 else None
        looks = (_addresses_of(*listed, patience) for listed in self._listed)
        results = await asyncio.gather(*looks, return_exceptions=True)
        nodes: list[Node] = []
        unknown: dict[str, Exception] = {}
        for (host, port), result in zip(self._listed, results, strict=True):
            if isinstance(result, OSError | UnicodeError):
                unknown[_written(host, port)] = result
            elif isinstance(result, BaseException):
                raise result
            else:
                nodes += result
        return Found([*dict.fromkeys(nodes)], unknown)  # After one that is listed twice comes another.

    async def create(self, url: URL, **options: Any) -> Streams:  # noqa: ANN401 - what aiormq hands over
        """Open what carries a connection, as aiormq asks; raise ``AMQPConnectionError`` when no node accepts it."""
        found = await self.found()
        failures = dict(found.unknown)
        for node in self._in_turn(found.nodes):
            self._tried = node
            try:
                async with asyncio.timeout(ADDRESS_SECONDS if len(found.nodes) > 1 else None):
                    opened = await self._open(node, url, options)
            except (OSError, TimeoutError) as error:
                failures[node.name] = error
            else:
                self.current, self._writer = node.name, opened[1]
                return opened
        if len(failures) == 1:
            (failure,) = failures.values()
            raise failure if isinstance(failure, AMQPError) else AMQPConnectionError(*failure.args) from failure
        raise AMQPConnectionError("; ".join(f"{name}: {reason(error)}" for name, error in failures.items()))

    async def _open(self, node: Node, url: URL, options: dict[str, Any]) -> Streams:
        certified = {"server_hostname": node.host} if url.scheme == "amqps" else {}
        return await self._by.create(url.with_host(node.address).with_port(node.port), **options, **certified)

    def _in_turn(self, nodes: Sequence[Node]) -> list[Node]:
        if not nodes:
            return []
        first = nodes.index(self._tried) + 1 if self._tried in nodes else secrets.randbelow(len(nodes))
        return [*nodes[first:], *nodes[:first]]


async def _addresses_of(host: str, port: int, timeout_seconds: float | None) -> list[Node]:
    async with asyncio.timeout(timeout_seconds):  # Its failure is an OSError.
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [*dict.fromkeys(str(address[0]) for *_, address in found)]
    name = _written(host, port)
    return [Node(name if len(addresses) == 1 else f"{name} ({one})", host, port, one) for one in addresses]


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def user_of(url: str) -> str:
    """Return as whom *url* logs in."""
    return Nodes(url).user


async def connected(url: str) -> AbstractConnection:
    """Return a connection to a node at *url* for a tool, which does not wait long; raise ``UnreachableError``."""
    try:
        return await Nodes(url).connect(ASK_SECONDS)
    except (OSError, TimeoutError, ValueError, AMQPError) as error:
        raise UnreachableError(hosts_of(url), reason(error)) from error
