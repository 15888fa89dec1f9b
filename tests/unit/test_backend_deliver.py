import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from parkstream_backend.deliver.breaker import Breaker, BreakerState
from parkstream_backend.deliver.deliverer import Deliverer
from parkstream_backend.deliver.summary_client import (
    ForbiddenError,
    PostError,
    RefusedError,
    UnavailableError,
    retry_after_seconds,
)
from parkstream_events.summaries import ItemResult, ItemStatus
from parkstream_telemetry import TelemetryOptions, start
from redis.exceptions import ConnectionError as RedisConnectionError

Answer = Callable[[Sequence[bytes]], list[ItemResult]]


class Entry(NamedTuple):
    id: str
    item: bytes
    key: str = "v"
    revision: int = 1
    projected_at_us: int = 0
    traceparent: str | None = None


class Outbox:
    def __init__(self) -> None:
        self.settled: list[str] = []
        self.parked: dict[str, str] = {}
        self.failures = 0

    async def take(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        raise NotImplementedError

    async def claim(self, consumer: str, min_idle_ms: int, count: int) -> list[Entry]:
        raise NotImplementedError

    async def settle(self, ids: Sequence[str]) -> None:
        if self.failures:
            self.failures -= 1
            raise RedisConnectionError
        self.settled += ids

    async def park(self, entry: Entry, problem: str) -> None:
        self.parked[entry.id] = problem


class Server:
    """Gives one answer after the other, the last for ever."""

    address = "localhost", 8000

    def __init__(self, *answers: Answer | PostError) -> None:
        self.answers = deque(answers)
        self.posts: list[list[bytes]] = []

    async def post(
        self, items: Sequence[bytes], traceparent: str | None = None, sent_at_us: int | None = None
    ) -> list[ItemResult]:
        self.posts.append(list(items))
        answer = self.answers.popleft() if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, PostError):
            raise answer
        return answer(items)


def written(items: Sequence[bytes]) -> list[ItemResult]:
    return [ItemResult(visit_id="v", revision=1, status=ItemStatus.WRITTEN) for _ in items]


def by_item(items: Sequence[bytes]) -> list[ItemResult]:
    return [ItemResult(visit_id="v", revision=1, status=ItemStatus(item.decode()), problem="so") for item in items]


def refusing_bad(items: Sequence[bytes]) -> list[ItemResult]:
    if b"bad" in items:
        raise RefusedError("400: no")
    return written(items)


@pytest.fixture
def outbox():
    return Outbox()


@pytest.fixture
def breaker():
    return Breaker(open_seconds=0.01, open_seconds_max=0.02)


def deliverer(outbox: Outbox, server: Server, breaker: Breaker) -> Deliverer:
    telemetry = start(TelemetryOptions(service="test", statistics_seconds=0))
    return Deliverer(outbox, server, breaker, telemetry, "me", lambda *_: None)


def entries(*items: str) -> list[Entry]:
    return [Entry(f"{number}-0", item.encode()) for number, item in enumerate(items)]


async def test_what_is_written_or_known_is_settled_and_the_rest_parked(outbox: Outbox, breaker: Breaker):
    server = Server(by_item)
    await deliverer(outbox, server, breaker).deliver(entries("written", "duplicate", "conflict", "invalid"))
    assert outbox.settled == ["0-0", "1-0"]
    assert outbox.parked == {"2-0": "conflict: so", "3-0": "invalid: so"}


async def test_an_absent_server_is_asked_until_it_is_there(outbox: Outbox, breaker: Breaker):
    server = Server(*[UnavailableError("away")] * 5, written)
    await deliverer(outbox, server, breaker).deliver(entries("a", "b"))
    assert outbox.settled == ["0-0", "1-0"]
    assert len(server.posts) == 6
    assert breaker.state is BreakerState.CLOSED


async def test_the_server_says_when_to_come_back(outbox: Outbox, breaker: Breaker):
    server = Server(UnavailableError("full", retry_after_seconds=0.2), written)
    started = asyncio.get_running_loop().time()
    await deliverer(outbox, server, breaker).deliver(entries("a"))
    assert asyncio.get_running_loop().time() - started >= 0.2


async def test_a_wrong_token_opens_the_breaker_at_once_and_parks_nothing(outbox: Outbox, breaker: Breaker):
    server = Server(ForbiddenError("401"))
    waiting = asyncio.create_task(deliverer(outbox, server, breaker).deliver(entries("a")))
    async with asyncio.timeout(5):
        while not server.posts:
            await asyncio.sleep(0.01)
    assert breaker.state is BreakerState.OPEN
    server.answers = deque([written])
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (outbox.settled, outbox.parked) == ([], {})


async def test_a_batch_that_is_refused_whole_is_split_to_find_the_culprit(outbox: Outbox, breaker: Breaker):
    items = [f"{number}" for number in range(20)]
    items[13] = "bad"
    server = Server(refusing_bad)
    await deliverer(outbox, server, breaker).deliver(entries(*items))
    assert outbox.parked == {"13-0": "400: no"}
    assert len(outbox.settled) == 19
    assert len(server.posts) <= 11
    assert breaker.state is BreakerState.CLOSED


async def test_settling_survives_a_redis_that_is_away(outbox: Outbox, breaker: Breaker):
    outbox.failures = 3
    await deliverer(outbox, Server(written), breaker).deliver(entries("a"))
    assert outbox.settled == ["0-0"]


async def test_a_try_that_is_cancelled_does_not_leave_the_breaker_half_open(outbox: Outbox, breaker: Breaker):
    class Silent(Server):
        async def post(
            self, items: Sequence[bytes], traceparent: str | None = None, sent_at_us: int | None = None
        ) -> list[ItemResult]:
            self.posts.append(list(items))
            await asyncio.Event().wait()
            raise AssertionError

    breaker.failed("away", at_once=True)
    server = Silent(written)
    waiting = asyncio.create_task(deliverer(outbox, server, breaker).deliver(entries("a")))
    async with asyncio.timeout(5):
        while not server.posts:
            await asyncio.sleep(0.01)
    assert breaker.state is BreakerState.HALF_OPEN
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert breaker.state is BreakerState.OPEN


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 3", 3.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("99999", 60.0),
        ("Tue, 24 Nov 2026 12:00:10 GMT", 10.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:10 -0000", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float):
    assert retry_after_seconds(value, datetime(2026, 11, 24, 12, tzinfo=UTC)) == seconds
