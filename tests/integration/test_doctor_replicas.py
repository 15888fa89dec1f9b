"""The doctor says how many replicas of Redis follow, whether they are waited for, and which Sentinels answer."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from parkstream_cli.doctor import redis as doctor
from parkstream_devtools import ReplicatedRedis
from parkstream_devtools.faults import Killed
from parkstream_operations.findings import Finding, Level, version_of
from parkstream_service.redis import blocking


@pytest.fixture(scope="module")
def servers(sandbox) -> Iterator[ReplicatedRedis]:
    servers = sandbox.replicated_redis(replicas=1)
    yield servers
    servers.close()


async def found(servers: ReplicatedRedis, about: str, replicas_min: int = 1) -> Finding:
    findings = await doctor.examine(servers.url, "mall", Path("/none"), None, replicas_min=replicas_min)
    (finding,) = [one for one in findings if one.about == about]
    return finding


async def test_replicas_that_are_waited_for_are_fine_where_redis_can_speak_for_their_disks(servers):
    with blocking(servers.url) as redis:
        speaks = version_of(redis.info("server")["redis_version"]) >= (7, 2)
    finding = await found(servers, "replicas")
    assert (finding.level, "1 follow" in finding.found) == (Level.OK if speaks else Level.NOTE, True)
    assert ("in memory" in finding.found) != speaks


async def test_replicas_that_nobody_waits_for_are_noted(servers):
    finding = await found(servers, "replicas", replicas_min=0)
    assert (finding.level, "PARKSTREAM_REDIS_REPLICAS_MIN=1" in finding.advice) == (Level.NOTE, True)


async def test_too_few_replicas_are_wrong(servers):
    finding = await found(servers, "replicas", replicas_min=2)
    assert (finding.level, finding.found) == (
        Level.WRONG,
        "1 follow, and backends wait for 2: nothing is acknowledged",
    )


async def test_a_primary_that_would_go_on_alone_is_wrong(servers):
    with blocking(servers.url) as redis:
        redis.config_set("min-replicas-to-write", 0)
        finding = await found(servers, "replicas")
        redis.config_set("min-replicas-to-write", 1)
    assert (finding.level, "min-replicas-to-write is 0" in finding.advice) == (Level.WRONG, True)


async def test_sentinels_are_named_that_do_not_answer(servers):
    assert (await found(servers, "Sentinels")).level is Level.OK
    first, second, _ = servers.sentinels
    with Killed(first, first.start):
        finding = await found(servers, "Sentinels")
        assert (finding.level, f"127.0.0.1:{first.port}" in finding.found) == (Level.NOTE, True)
        with Killed(second, second.start):
            finding = await found(servers, "Sentinels")
            assert (finding.level, f"127.0.0.1:{second.port}" in finding.found) == (Level.WRONG, True)
