"""The users of the containers, on a primary and its replica: replication, Sentinels and services get what they need."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from guarded_servers import GuardedRedis
from parkstream_devtools.redis_functions import load_functions
from parkstream_devtools.servers.replicated_redis import NAME, SentinelServer
from parkstream_events.keys import BackendKeys
from parkstream_service.redis import Loaded, Replicas, connect
from parkstream_service.retry import retried
from redis import Redis

SERVICES = ("backend", "cli", "console", "entry_generator", "exit_generator", "summary_api")


@pytest.fixture
def nodes(tmp_path) -> Iterator[list[GuardedRedis]]:
    """A primary, and a replica that has caught up."""
    with ExitStack() as ending:
        primary = GuardedRedis(tmp_path / "primary")
        ending.callback(primary.process.end, signal.SIGKILL, 20)
        replication = {"masteruser": "replica", "masterauth": primary.password_of("replica")}
        replica = GuardedRedis(tmp_path / "replica", primary=primary, **replication)
        ending.callback(replica.process.end, signal.SIGKILL, 20)
        with Redis.from_url(primary.url_of("backend"), socket_timeout=60) as redis:
            redis.hset("parkstream:backend:{m}:x", "a", 1)
            assert redis.wait(1, 50_000) == 1
        yield [primary, replica]


@pytest.fixture
def sentinel(nodes, tmp_path) -> Iterator[SentinelServer]:
    secret = nodes[0].password_of("sentinel")
    one = SentinelServer(tmp_path / "sentinel", lambda _: None, nodes[0].port, 1, secret, user="sentinel")
    with Redis(port=one.port) as redis:
        one.wait_until(lambda: redis.sentinel_master(NAME)["num-slaves"] == 1)
    yield one
    one.kill()


async def test_after_a_failover_every_user_does_at_the_new_primary_what_it_did_before(nodes, sentinel):
    primary, replica = nodes
    at = f"@127.0.0.1:{sentinel.port}/{NAME}"
    urls = {user: f"redis+sentinel://{user}:{primary.password_of(user)}{at}" for user in (*SERVICES, "loader")}
    assert set(load_functions(urls["loader"]).values()) == {Loaded.PRESENT}
    client = connect(urls["backend"])
    on_replicas = Replicas(client, 1, BackendKeys("m").log_replicated)
    assert await on_replicas.execute("HSET", "parkstream:backend:{m}:x", "b", 1) == 1
    await asyncio.to_thread(primary.process.end, signal.SIGKILL, 20)
    assert await retried(lambda: client.hget("parkstream:backend:{m}:x", "b")) == b"1"
    await client.aclose()
    assert set(load_functions(urls["loader"]).values()) == {Loaded.PRESENT}
    for user in SERVICES:
        service = connect(urls[user], 1)
        assert await service.ping()
        await service.aclose()
    with Redis.from_url(replica.url_of("sentinel")) as redis:
        assert redis.execute_command("ROLE")[0] == b"master"
