"""The way to a primary that Sentinels watch: they are asked who that is before each new connection.

Who has it from a Sentinel that has not heard the news, or meets it while it changes, finds a replica there, or a Redis
that may not write: such a connection is closed, and the Sentinels are asked again.
"""

from typing import Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from redis import Redis as BlockingRedis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import (
    Sentinel,
    SentinelConnectionPool,
    SentinelManagedConnection,
    SentinelManagedSSLConnection,
)
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError
from redis.retry import Retry as BlockingRetry
from redis.sentinel import Sentinel as BlockingSentinel

from parkstream_service.redis.errors import code_of
from parkstream_service.settings.urls import SENTINELS, endpoints_of

PORT: Final = 26_379
TIMEOUT_SECONDS: Final = 1.0
"""For each Sentinel: they are asked one after the other until one answers."""
OWN: Final = {"sentinel_username": "username", "sentinel_password": "password"}
"""Options of the address that are for Sentinels: without them nobody logs in there."""
PRIMARY: Final = (b"master", "master")
"""What ROLE calls it."""
NO_REPLICAS: Final = "NOREPLICAS"


class Watched(NamedTuple):
    """The Redis *name* that *sentinels* watch, and the options of connections to it and to them."""

    name: str
    sentinels: list[tuple[str, int]]
    options: dict[str, Any]
    sentinel_options: dict[str, Any]
    tls: bool

    @classmethod
    def at(cls, url: str) -> Self | None:
        """Return what *url* names; None when that is a Redis without Sentinels."""
        parts = urlsplit(url)
        if not parts.scheme.endswith(SENTINELS):
            return None
        plain = parts.scheme.removesuffix(SENTINELS)
        given = parse_qsl(parts.query)
        login = parts.netloc.rpartition("@")[0]
        query = urlencode([(key, value) for key, value in given if key not in OWN])
        options: dict[str, Any] = dict(parse_url(f"{plain}://{login}@{PORT}?{query}"))
        for what in ("host", "connection_class"):
            options.pop(what, None)
        own = {OWN[key]: value for key, value in given if key in OWN}
        safe = {key: value for key, value in options.items() if key.startswith("ssl_")}
        return cls(parts.path.strip("/"), endpoints_of(url, PORT), options, own | safe, plain == "rediss")

    def for_sentinels(self, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - options of redis-py
        """Return the options of connections to the Sentinels, with *more* of them."""
        return {
            **self.sentinel_options,
            **({"ssl": True} if self.tls else {}),
            "protocol": 2,
            "driver_info": None,
            "socket_timeout": TIMEOUT_SECONDS,
            "socket_connect_timeout": TIMEOUT_SECONDS,
            **more,
        }

    def asked(self, client_name: str) -> "Sentinels":
        """Return who asks the Sentinels, known to them as *client_name*."""
        untyped: Any = Sentinels
        options = self.for_sentinels(retry=Retry(NoBackoff(), 0), client_name=client_name)
        sentinels: Sentinels = untyped(self.sentinels, sentinel_kwargs=options)
        return sentinels


async def urls_of_replicated(url: str, client_name: str) -> list[str]:
    """Return the address of each Redis that *url* stands for: of the primary, and of the replicas that it may become.

    One that is away is among them. Raises what Redis raises.
    """
    watched = Watched.at(url)
    if watched is None:
        return [url]
    asked: Any = watched.asked(client_name)
    try:
        primary = await asked.discover_master(watched.name)
        first, *_ = asked.sentinels
        replicas = [(one["ip"], one["port"]) for one in await first.sentinel_slaves(watched.name)]
    finally:
        await asked.aclose()
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if key not in OWN])
    scheme = parts.scheme.removesuffix(SENTINELS)
    hosts = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in (primary, *replicas)]
    return [urlunsplit((scheme, f"{login}{at}{host}", "", query, "")) for host in hosts]


def blocking(url: str, **options: Any) -> BlockingRedis:  # noqa: ANN401 - options of redis-py
    """Return a client that blocks, of the Redis at *url*, or of the primary that the Sentinels there name."""
    watched = Watched.at(url)
    untyped: Any = BlockingRedis
    if watched is None:
        client: BlockingRedis = untyped.from_url(url, **options)
        return client
    asked: Any = BlockingSentinel
    sentinels = asked(watched.sentinels, sentinel_kwargs=watched.for_sentinels(retry=BlockingRetry(NoBackoff(), 0)))
    found: BlockingRedis = sentinels.master_for(watched.name, **{**options, **watched.options, "ssl": watched.tls})
    return found


class Sentinels(Sentinel):
    """They are asked one after the other, and each attempt begins with the one that was not wrong last."""

    async def discover_master(self, service_name: str) -> tuple[str, int]:
        """Return where the primary is; one that answers something else is passed over, as one is that is away."""
        found: dict[str, str] = {}
        untyped: Any = self
        sentinels: list[Any] = [*self.sentinels]
        for asked in sentinels:
            try:
                states = await asked.sentinel_masters()
            except RedisError as error:
                found[_place_of(asked)] = str(error)
                continue
            state = states.get(service_name)
            if state is not None and untyped.check_master_state(state, service_name):
                self.sentinels.remove(asked)
                self.sentinels.insert(0, asked)
                return state["ip"], state["port"]
            found[_place_of(asked)] = "takes it for down" if state else f"knows {', '.join(sorted(states)) or 'none'}"
        why = "; ".join(f"{place}: {problem}" for place, problem in found.items())
        message = f"no Sentinel that answers knows a primary {service_name} that is up ({why})"
        raise RedisConnectionError(message)

    def doubt(self) -> None:
        """Ask the one last from here on that was asked first: it may not have heard the news."""
        self.sentinels.append(self.sentinels.pop(0))


def _place_of(client: Any) -> str:  # noqa: ANN401 - redis-py's
    options = client.connection_pool.connection_kwargs
    return f"{options['host']}:{options['port']}"


class PrimaryPool(SentinelConnectionPool):
    """Connections to the primary; closing it hangs up on the Sentinels, too."""

    async def aclose(self) -> None:
        """Close all connections."""
        untyped: Any = self
        await super().aclose()
        await untyped.sentinel_manager.aclose()


class ToPrimary(SentinelManagedConnection):
    """A connection to a primary: to nothing else, and left when that may write no more."""

    async def on_connect_check_health(self, check_health: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py
        """Make the connection ready; raise when the server is no primary."""
        untyped: Any = self
        await super().on_connect_check_health(check_health=check_health)
        await untyped.send_command("ROLE", check_health=False)
        role, *_ = await untyped.read_response()
        if role not in PRIMARY:
            untyped.connection_pool.sentinel_manager.doubt()
            message = f"{untyped.host}:{untyped.port} is no primary: the Sentinels have not agreed on another yet"
            raise RedisConnectionError(message)

    def mark_for_reconnect(self) -> None:
        """Leave this primary after the answer that is awaited, and ask another Sentinel whether it still is one."""
        untyped: Any = super()
        itself: Any = self
        untyped.mark_for_reconnect()
        itself.connection_pool.sentinel_manager.doubt()

    async def read_response(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as redis-py has it
        """Read as redis-py does, which leaves a replica; one that misses its replicas may be the old primary."""
        untyped: Any = super()
        itself: Any = self
        try:
            return await untyped.read_response(*args, **kwargs)
        except ResponseError as error:
            if code_of(error) == NO_REPLICAS:
                itself.mark_for_reconnect()
            raise


class ToPrimarySSL(ToPrimary, SentinelManagedSSLConnection):
    """Over TLS."""
