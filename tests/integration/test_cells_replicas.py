"""A mall's users are at every node of a replicated Redis, which replicates no users: a failover locks out nobody."""

from collections.abc import Iterator

import pytest
from parkstream_devtools import ReplicatedRedis
from parkstream_devtools.faults import Killed
from parkstream_operations.cells.redis_rights import bring
from parkstream_operations.cells.rights import ROLES, acl_rules_of
from parkstream_service.redis import blocking

PASSWORD = "a-password"
USERS = acl_rules_of("north", dict.fromkeys(ROLES, "a-secret"))


@pytest.fixture
def servers(sandbox) -> Iterator[ReplicatedRedis]:
    servers = sandbox.replicated_redis(password=PASSWORD)
    yield servers
    servers.close()


def users_of(url: str) -> set[str]:
    with blocking(url) as redis:
        return {*redis.acl_users()}


async def test_a_mall_s_users_are_at_the_primary_and_at_all_replicas(servers: ReplicatedRedis):
    planned, _ = await bring(servers.url, USERS, dry_run=True)
    assert {state for _, state in planned} == {"would be made"}
    away = servers.replicas()[0]
    with Killed(away, away.start):
        did, to_do = await bring(servers.url, USERS, dry_run=False)
    assert did == [(user, "made") for user in USERS]
    assert f"the replica redis://127.0.0.1:{away.port} has not got these users: Connection refused" in to_do
    assert PASSWORD not in to_do
    with blocking(servers.url) as redis:
        redis.acl_setuser("north.cli", keys=["*"])
    did, to_do = await bring(servers.url, USERS, dry_run=False)
    assert "has not got" not in to_do
    assert {state for _, state in did} == {"made"}
    for node in servers.nodes:
        assert users_of(node.url) >= USERS.keys()
    assert {state for _, state in (await bring(servers.url, USERS, dry_run=False))[0]} == {"there"}
