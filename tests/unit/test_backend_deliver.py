import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
import stamina
from parkstream_backend.deliver.deliverer import FORBIDDEN_PAUSE_SECONDS, Deliverer, _backoff
from parkstream_backend.deliver.summary_client import (
    ForbiddenError,
    PostError,
    RefusedError,
    SummaryApi,
    UnavailableError,
    new_session,
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
        self.waiting: list[Entry] = []
        self.renewals: set[tuple[str, tuple[str, ...]]] = set()
        self.renewed = asyncio.Event()

    async def take(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        taken, self.waiting = self.waiting, []
        if not taken:
            await asyncio.Event().wait()
        return taken

    async def claim(self, consumer: str, min_idle_ms: int, count: int) -> list[Entry]:
        return []

    async def renew(self, consumer: str, ids: Sequence[str]) -> None:
        self.renewals.add((consumer, tuple(ids)))
        self.renewed.set()

    async def forget_consumers(self, idle_ms: int) -> int:
        return 0

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
        self.posted = asyncio.Event()

    async def post(
        self, items: Sequence[bytes], traceparent: str | None = None, sent_at_us: int | None = None
    ) -> list[ItemResult]:
        self.posts.append(list(items))
        self.posted.set()
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


def deliverer(outbox: Outbox, server: Server) -> Deliverer:
    telemetry = start(TelemetryOptions(service="test", statistics_seconds=0))
    return Deliverer(outbox, server, telemetry, "me", lambda *_: None)


def entries(*items: str) -> list[Entry]:
    return [Entry(f"{number}-0", item.encode()) for number, item in enumerate(items)]


async def test_what_is_written_or_known_is_settled_and_the_rest_parked(outbox: Outbox):
    server = Server(by_item)
    await deliverer(outbox, server).deliver(entries("written", "duplicate", "conflict", "invalid"))
    assert outbox.settled == ["0-0", "1-0"]
    assert outbox.parked == {"2-0": "conflict: so", "3-0": "invalid: so"}


async def test_an_absent_server_is_asked_until_it_is_there(outbox: Outbox):
    server = Server(*[UnavailableError("away")] * 5, written)
    with stamina.set_testing(testing=True, attempts=10):
        await deliverer(outbox, server).deliver(entries("a", "b"))
    assert outbox.settled == ["0-0", "1-0"]
    assert len(server.posts) == 6


@pytest.mark.parametrize(
    ("error", "waits"),
    [
        (UnavailableError("full", retry_after_seconds=7.0), 7.0),
        (UnavailableError("away"), True),
        (ForbiddenError("401"), FORBIDDEN_PAUSE_SECONDS),
        (RefusedError("400: no"), False),
        (ValueError("ours"), False),
    ],
)
def test_an_attempt_is_made_again_when_the_server_asks_for_it_or_by_and_by(error: Exception, waits: float):
    assert _backoff(error) == waits


async def test_a_wrong_token_waits_and_parks_nothing(outbox: Outbox):
    server = Server(ForbiddenError("401"))
    waiting = asyncio.create_task(deliverer(outbox, server).deliver(entries("a")))
    async with asyncio.timeout(30):
        await server.posted.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert (outbox.settled, outbox.parked, len(server.posts)) == ([], {}, 1)


async def test_what_waits_for_the_server_is_renewed_so_that_nobody_claims_it(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("parkstream_backend.deliver.deliverer.RENEW_EVERY_SECONDS", 0.01)
    outbox.waiting = entries("a", "b")
    running = asyncio.create_task(deliverer(outbox, Server(UnavailableError("away"))).run())
    async with asyncio.timeout(30):
        await outbox.renewed.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert outbox.renewals == {("me-0", ("0-0", "1-0"))}


async def test_what_is_settled_is_not_renewed(outbox: Outbox):
    worker = deliverer(outbox, Server(written))
    await worker._deliver_as("me-0", entries("a"))
    await worker._renew("me-0")
    assert outbox.renewals == set()


async def test_a_server_that_goes_and_comes_back_is_logged_once_each(
    outbox: Outbox, capsys: pytest.CaptureFixture[str]
):
    with stamina.set_testing(testing=True, attempts=10):
        await deliverer(outbox, Server(*[UnavailableError("away")] * 3, written)).deliver(entries("a"))
    lines = capsys.readouterr().out
    assert (lines.count("deliver.failing"), lines.count("deliver.resumed")) == (1, 1)


async def test_a_batch_that_is_refused_whole_is_split_to_find_the_culprit(outbox: Outbox):
    items = [f"{number}" for number in range(20)]
    items[13] = "bad"
    server = Server(refusing_bad)
    await deliverer(outbox, server).deliver(entries(*items))
    assert outbox.parked == {"13-0": "400: no"}
    assert len(outbox.settled) == 19
    assert len(server.posts) <= 11


async def test_settling_survives_a_redis_that_is_away(outbox: Outbox):
    outbox.failures = 3
    await deliverer(outbox, Server(written)).deliver(entries("a"))
    assert outbox.settled == ["0-0"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 3", 3.0),
        ("", 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
        ("99999", 5.0),
        ("Tue, 24 Nov 2026 12:00:04 GMT", 4.0),
        ("Tue, 24 Nov 2026 11:00:00 GMT", 0.0),
        ("Tue, 24 Nov 2026 12:00:10 -0000", 0.0),
        ("0 Nov 6 0:9999999999", 0.0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float):
    assert retry_after_seconds(value, datetime(2026, 11, 24, 12, tzinfo=UTC)) == seconds


async def test_an_answer_that_is_no_http_is_quoted_in_no_log():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nAB123 has no colon\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, new_session() as session:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(UnavailableError) as refused:
            await SummaryApi(session, url, lambda: None).post([b"{}"])
    assert refused.value.public.startswith(f"no answer from {url}")
    assert "AB123" in refused.value.problem, "who looks for it among the parked ones sees all"
    assert "AB123" not in refused.value.public
