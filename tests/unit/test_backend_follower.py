"""One backend projects; another stands by, and is ready to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from parkstream_backend.project import follower
from parkstream_backend.project.follower import Follower, ProjectSpans
from parkstream_events import wire
from parkstream_projection import StaleError
from parkstream_service.retry import Wait
from parkstream_telemetry import Telemetry, TelemetryOptions
from redis.exceptions import BusyLoadingError

RECORD: Any = SimpleNamespace(position=1, type=wire.ENTERED)
LOADING = BusyLoadingError("Redis is loading the dataset in memory")


class Other:
    """The log, and a projection that another backend keeps up; Redis answers after *outage* errors."""

    def __init__(self, outage: int) -> None:
        self.outage = outage
        self.answers = asyncio.Event()

    async def load(self) -> int:
        return 0

    async def follow(self, _after: int, _most: int) -> AsyncIterator[list[Any]]:
        yield [RECORD]

    async def step(self, _records: Any) -> Any:
        raise StaleError(0, 1)

    async def state(self) -> Any:
        if self.outage:
            self.outage -= 1
            raise LOADING
        self.answers.set()
        return SimpleNamespace(checkpoint=1, position=1)


async def test_a_backend_that_stands_by_waits_for_redis_no_longer_than_that_is_away(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(follower, "STAND_BY_SECONDS", 0.01)
    telemetry = Telemetry(TelemetryOptions(service="test", plate_hash_key="k", statistics_seconds=0, strict=True))
    reported: list[Exception] = []
    wait = Wait(reported.append)
    other: Any = Other(outage=2)
    standing_by = asyncio.create_task(Follower(other, ProjectSpans(telemetry), other, other, telemetry, wait).run())
    async with asyncio.timeout(60):
        await other.answers.wait()
        while wait.problem:
            await asyncio.sleep(0.01)
    assert reported == [LOADING, LOADING]
    standing_by.cancel()
    with suppress(asyncio.CancelledError):
        await standing_by
