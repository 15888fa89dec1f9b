"""Malls with traffic, and a rebuild in a process that can be killed: ``python rebuilds.py URL MALL VERSION``."""

import asyncio
import subprocess
import sys
from typing import Any

from parkstream_events.keys import BackendKeys
from parkstream_projection.rebuild import Rebuilder, Source
from parkstream_service.redis import connect
from projections import HOUR, Mall, day_of_traffic, now_us, project

OTHER = 2


async def with_traffic(shop: Mall, cars: int) -> Mall:
    """Append what *cars* do, and let the live version take it in."""
    await shop.log.append(day_of_traffic(cars, now_us() - 20 * HOUR))
    await project(shop.projector(), 1_000)
    return shop


async def untouched(shop: Mall) -> dict[bytes, Any]:
    """Return all of *shop* that a replay must leave alone."""
    own = (shop.keys.projection(OTHER, "").encode(), shop.keys.projections.encode(), shop.keys.log_leases.encode())
    return {key: value for key, value in (await shop.kept()).items() if not key.startswith(own)}


def rebuilding(shop: Mall) -> "subprocess.Popen[bytes]":
    """Start a rebuild of *shop* in a process of its own."""
    return subprocess.Popen([sys.executable, __file__, shop.url, shop.keys.mall, str(OTHER)])


async def _rebuild(url: str, mall: str, version: str) -> None:
    redis = connect(url)
    async with Rebuilder(Source(url, mall), redis, BackendKeys(mall), int(version)) as rebuilder:
        await rebuilder.catch_up()
    await redis.aclose()


if __name__ == "__main__":
    asyncio.run(_rebuild(*sys.argv[1:]))
