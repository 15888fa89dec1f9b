"""What is waited for when Redis has replicas: all that follow, whichever of them becomes the primary."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from parkstream_devtools import ReplicatedRedis
from parkstream_devtools.faults import Frozen
from parkstream_service.redis import Replicas, connect, replicas
from redis.asyncio import Redis

KEY, MARK = "parkstream:backend:{m}:x", "parkstream:backend:{m}:mark"
MORE = 20
"""Writes that others wait for; by then who had not to wait any longer would be done."""


@pytest.fixture
async def client(replicated_redis: ReplicatedRedis) -> AsyncIterator[Redis]:
    async with connect(replicated_redis.url) as client:
        yield client


def following() -> int:
    return 2


async def test_all_replicas_that_follow_are_waited_for(replicated_redis, client, monkeypatch):
    monkeypatch.setattr(replicas, "PATIENCE_SECONDS", 600.0)
    _, slow = replicated_redis.replicas()
    one, all_of_them = Replicas(client, 1, MARK), Replicas(client, 1, MARK, following=following)
    with Frozen(slow):
        write = asyncio.create_task(all_of_them.execute("HSET", KEY, "a", 1))
        for number in range(MORE):
            assert await one.execute("HSET", KEY, f"more-{number}", 1)
        assert not write.done()
    assert await write == 1
    async with connect(slow.url) as replica:
        assert await replica.hget(KEY, "a") == b"1"


async def test_one_that_does_not_keep_up_is_left_behind(replicated_redis, client, monkeypatch):
    monkeypatch.setattr(replicas, "PATIENCE_SECONDS", 3.0)
    waits: list[float] = []
    some = Replicas(client, 1, MARK, waits.append, following)
    with Frozen(replicated_redis.replicas()[1]):
        assert await some.execute("HSET", KEY, "b", 1) == 1
        assert await some.execute("HSET", KEY, "c", 1) == 1
    assert len(waits) == 2
