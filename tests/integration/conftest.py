"""A mall of the test's own in the shared Redis, and the command line that looks at it."""

from collections.abc import AsyncIterator, Iterator

import pytest
from command_line import CommandLine
from parkstream_devtools import ReplicatedRedis, Sandbox
from projections import Mall


@pytest.fixture
async def shop(redis_url: str, mall: str) -> AsyncIterator[Mall]:
    """A mall's log and projection."""
    shop = Mall(redis_url, mall)
    yield shop
    await shop.close()


@pytest.fixture
def parkstream(redis_url: str, mall: str) -> CommandLine:
    """Run ``parkstream`` on that mall."""
    return CommandLine({"PARKSTREAM_REDIS_URL": redis_url, "PARKSTREAM_MALL": mall})


@pytest.fixture(scope="module")
def replicated_redis(sandbox: Sandbox) -> Iterator[ReplicatedRedis]:
    """A Redis primary with two replicas, and three Sentinels, of the module's own."""
    servers = sandbox.replicated_redis(min_replicas_max_lag="600")  # It refuses nothing while replicas are frozen.
    yield servers
    servers.close()
