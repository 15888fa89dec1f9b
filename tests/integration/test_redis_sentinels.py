"""Clients reach the primary that the Sentinels name, and no other Redis; a failover is an outage that passes."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from parkstream_devtools import ReplicatedRedis
from parkstream_devtools.redis_functions import LIBRARIES, load_functions
from parkstream_devtools.servers.replicated_redis import NAME
from parkstream_service.redis import Client, Loaded, blocking, connect
from parkstream_service.retry import retried
from redis.asyncio import SSLConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ReadOnlyError, ResponseError

PASSWORD = "a-password"


@pytest.fixture(scope="module")
def servers(sandbox) -> Iterator[ReplicatedRedis]:
    servers = sandbox.replicated_redis(password=PASSWORD)
    yield servers
    servers.close()


@pytest.fixture
async def client(servers) -> AsyncIterator[Client]:
    client = connect(servers.url, 2, name="test")
    yield client
    await client.aclose()


def test_an_address_says_how_redis_and_how_the_sentinels_are_reached():
    ours = "rediss+sentinel://me:p%40w@s1,[::1]:5/a?ssl_ca_certs=/x&sentinel_username=you&sentinel_password=p%25"
    pool = connect(ours, 2).connection_pool
    wanted = {"username": "me", "password": "p@w", "db": 2, "ssl_ca_certs": "/x"}
    assert {name: pool.connection_kwargs[name] for name in wanted} == wanted
    assert isinstance(pool.make_connection(), SSLConnection)
    sentinels = [one.connection_pool for one in pool.sentinel_manager.sentinels]
    assert all(isinstance(one.make_connection(), SSLConnection) for one in sentinels)
    names = ("host", "port", "username", "password", "ssl_ca_certs")
    assert [[one.connection_kwargs[name] for name in names] for one in sentinels] == [
        ["s1", 26_379, "you", "p%", "/x"],
        ["::1", 5, "you", "p%", "/x"],
    ]
    for text in ("redis+sentinel://s1/a?db=3", "redis+sentinel://s1/a?nonsense=3"):
        with pytest.raises(ValueError, match="the URL of Redis"):
            connect(text)


async def port_of(client: Client) -> int:
    untyped = client.connection_pool
    connection = await untyped.get_connection()
    await untyped.release(connection)
    found: int = connection.port
    return found


async def test_the_primary_is_reached_by_password_and_database(servers, client):
    await client.set("here", 1)
    assert await port_of(client) == servers.primary().port
    with blocking(servers.url) as redis:
        assert redis.get("here") is None  # Another database.
    with blocking(servers.url, db=2) as redis:
        assert redis.get("here") == b"1"


def test_functions_are_loaded_at_the_primary_and_are_on_the_replicas(servers):
    assert set(load_functions(servers.url).values()) == {Loaded.PRESENT}
    for node in servers.replicas():
        assert set(load_functions(node.url)) == set(LIBRARIES)  # A replica takes none: it has them.


async def test_sentinels_that_are_away_are_passed_over(servers):
    servers.sentinels[0].kill()
    client = connect(servers.url)
    try:
        assert await client.ping()
    finally:
        await client.aclose()
        servers.sentinels[0].start()


async def test_without_a_primary_of_that_name_it_is_said_who_was_asked_for(servers):
    client = connect(servers.url.replace("/parking", "/elsewhere"))
    known = "no Sentinel that answers knows a primary elsewhere that is up .*: knows parking"
    with pytest.raises(RedisConnectionError, match=known):
        await client.ping()
    await client.aclose()


async def test_a_replica_is_no_primary_whoever_says_so(servers, client, monkeypatch):
    """As with a Sentinel that has not heard the news."""
    replica = servers.replicas()[0]

    async def stale(_: str) -> tuple[str, int]:
        return "127.0.0.1", replica.port

    monkeypatch.setattr(client.connection_pool.sentinel_manager, "discover_master", stale)
    with pytest.raises(RedisConnectionError, match=f"127.0.0.1:{replica.port} is no primary"):
        await client.get("here")


async def test_after_a_sentinel_that_has_not_heard_the_news_another_one_is_asked(servers, client, monkeypatch):
    stale, *others = client.connection_pool.sentinel_manager.sentinels
    heard = await stale.sentinel_masters()
    heard[NAME]["port"] = servers.replicas()[0].port

    async def of_before() -> dict[str, Any]:
        return heard

    monkeypatch.setattr(stale, "sentinel_masters", of_before)
    with pytest.raises(RedisConnectionError, match="is no primary"):
        await client.get("here")
    await client.set("here", 1)
    assert client.connection_pool.sentinel_manager.sentinels == [*others, stale]


async def test_a_primary_that_misses_its_replicas_is_asked_for_at_another_sentinel(servers, client):
    await client.set("here", 1)
    first, *others = client.connection_pool.sentinel_manager.sentinels
    with blocking(servers.primary().url) as primary:
        primary.config_set("min-replicas-to-write", 5)
        with pytest.raises(ResponseError, match="NOREPLICAS"):
            await client.set("here", 2)
        primary.config_set("min-replicas-to-write", 1)
    assert client.connection_pool.sentinel_manager.sentinels == [*others, first]


async def test_what_is_no_sentinel_is_passed_over_and_named(servers, redis_url):
    place = urlsplit(redis_url).netloc
    client = connect(servers.url.replace("@", f"@{place},"))
    assert await client.ping()
    await client.aclose()
    alone = connect(f"redis+sentinel://:{PASSWORD}@{place}/{NAME}")
    with pytest.raises(RedisConnectionError, match=f"{NAME} that is up \\({place}: unknown command") as no:
        await alone.ping()
    assert PASSWORD not in str(no.value)
    await alone.aclose()


async def test_a_connection_to_a_primary_that_becomes_a_replica_is_left(servers, client):
    await client.set("here", 1)
    old = servers.primary()
    with blocking(old.url) as redis:
        redis.replicaof("127.0.0.1", servers.replicas()[0].port)
        with pytest.raises((ReadOnlyError, RedisConnectionError)):
            await client.set("here", 2)
        redis.replicaof("NO", "ONE")
    assert await retried(lambda: client.set("here", 2))


async def test_a_primary_that_dies_is_followed_by_another_with_all_that_it_had(servers, client):
    await retried(lambda: client.set("here", 3))
    await client.wait(2, 0)
    old = servers.primary()
    blocked = asyncio.create_task(client.execute_command("XREAD", "BLOCK", 30_000, "STREAMS", "nothing", "$"))
    await retried(lambda: client.set("here", 4))
    await client.wait(2, 0)
    old.kill()
    with pytest.raises(RedisConnectionError):
        await blocked
    assert await retried(lambda: client.get("here")) == b"4"
    assert servers.primary() is not old
    await asyncio.to_thread(old.start)
    await retried(lambda: client.set("here", 5))
    assert await port_of(client) != old.port
