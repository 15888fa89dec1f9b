"""Something else answers in place of the summary API: that is no verdict, ends nothing, and takes little memory."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator

import aiohttp
import pytest
from parkstream_backend.deliver.deliverer import Deliverer
from parkstream_backend.deliver.summary_client import (
    PostError,
    RefusedError,
    SummaryApi,
    UnavailableError,
    new_session,
)
from parkstream_devtools.faults import Answer, Api, answers
from parkstream_events.summaries import ItemResult, ItemStatus, PostResults
from parkstream_events.wire import encode
from parkstream_projection import Entry
from parkstream_telemetry import TelemetryOptions, start
from pipeline import Pipeline
from pipeline_traffic import Cars
from summary_items import item

ANSWERS = answers()
JSON = {"Content-Type": "application/json"}
PROBLEM = {"Content-Type": "application/problem+json"}
LONG = b" " * 50_000_000
MEMORY_BYTES_MAX = 8 * 1024 * 1024


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with new_session() as made:
        yield made


async def verdict(session: aiohttp.ClientSession, answer: Answer) -> PostError:
    with Api(answer) as api, pytest.raises(PostError) as raised:
        await SummaryApi(session, api.url, lambda: None).post([encode(item())])
    assert str(raised.value)
    return raised.value


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_a_stranger_answers_is_no_verdict(session: aiohttp.ClientSession, name: str):
    assert type(await verdict(session, ANSWERS[name])) is UnavailableError


@pytest.mark.parametrize("status", [400, 413, 422])
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (PROBLEM, b'{"type":"about:blank","title":"Bad Request","status":400}'),
        (PROBLEM, b'{"type":"https://example.com/urn:parkstream:malformed-json"}'),
        (PROBLEM, b'{"title":"no type"}'),
        (PROBLEM, b"<html>"),
        (PROBLEM, b"\xff"),
        (PROBLEM, b"[" * 100_000),
        (JSON, b'{"type":"urn:parkstream:malformed-json"}'),
        ({"Content-Type": "text/html"}, b'{"type":"urn:parkstream:malformed-json"}'),
        ({}, b'{"type":"urn:parkstream:malformed-json"}'),
        ({**PROBLEM, "Content-Encoding": "gzip"}, b'{"type":"urn:parkstream:malformed-json"}'),
    ],
)
async def test_a_refusal_that_is_not_ours_is_no_verdict(
    session: aiohttp.ClientSession, status: int, headers: dict[str, str], body: bytes
):
    error = await verdict(session, Answer(status=status, headers=headers, body=body))
    assert type(error) is UnavailableError


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_our_own_problem_is_a_verdict(session: aiohttp.ClientSession, status: int):
    body = b'{"type":"urn:parkstream:malformed-json","title":"Malformed JSON","status":400,"detail":"no"}'
    assert type(await verdict(session, Answer(status=status, headers=PROBLEM, body=body))) is RefusedError


@pytest.mark.parametrize(
    "answer",
    [ANSWERS["bomb"], Answer(headers=JSON, body=LONG), Answer(status=400, headers=PROBLEM, body=LONG)],
    ids=["gzip", "long", "long refusal"],
)
async def test_the_memory_that_an_answer_takes_is_bounded(session: aiohttp.ClientSession, answer: Answer):
    tracemalloc.start()
    try:
        assert type(await verdict(session, answer)) is UnavailableError
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < MEMORY_BYTES_MAX


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(session: aiohttp.ClientSession, status: int):
    with Api(Answer(headers=JSON, body=encode(PostResults([kept("exit:1", 1)])))) as elsewhere:
        error = await verdict(session, Answer(status=status, headers={"Location": f"{elsewhere.url}/v1/summaries"}))
        assert elsewhere.requests == []
    assert (type(error), error.status_code) == (UnavailableError, status)


@pytest.mark.parametrize("value", ["99999", "9" * 400, "Fri, 31 Dec 9999 23:59:59 GMT", "soon", "-1", "1e9", "²"])
async def test_the_wait_that_is_asked_for_is_bounded(session: aiohttp.ClientSession, value: str):
    error = await verdict(session, Answer(status=503, headers={"Retry-After": value.encode().decode("latin-1")}))
    assert isinstance(error, UnavailableError)
    assert 0 <= error.retry_after_seconds <= 5


async def test_nothing_is_kept_that_a_stranger_sets(session: aiohttp.ClientSession):
    with Api(Answer(status=503, headers={"Set-Cookie": "a=1; Max-Age=999999"})) as api:
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await SummaryApi(session, f"http://localhost:{api.port}", lambda: None).post([encode(item())])
    assert len(session.cookie_jar) == 0


def kept(visit_id: str, revision: int, status: ItemStatus = ItemStatus.WRITTEN) -> ItemResult:
    return ItemResult(visit_id=visit_id, revision=revision, status=status, problem="so")


class Outbox:
    """Remembers what becomes of its entries."""

    def __init__(self) -> None:
        self.settled: list[str] = []
        self.parked: list[str] = []

    async def take(self, consumer: str, count: int, block_ms: int) -> list[Entry]:
        raise AssertionError

    async def claim(self, consumer: str, min_idle_ms: int, count: int) -> list[Entry]:
        raise AssertionError

    async def renew(self, consumer: str, ids: object) -> None:
        raise AssertionError

    async def settle(self, ids: list[str]) -> None:
        self.settled += ids

    async def park(self, entry: Entry, problem: str) -> None:
        self.parked.append(entry.id)


@pytest.mark.parametrize(
    "results",
    [
        [],
        [kept("exit:1", 1)],
        [kept("exit:1", 1)] * 2,
        [kept("exit:2", 1), kept("exit:1", 1)],
        [kept("exit:1", 1), kept("exit:2", 2)],
        [kept("exit:1", 1), kept("exit:3", 1, ItemStatus.CONFLICT)],
        [kept("exit:1", 1), kept("exit:3", 1, ItemStatus.INVALID)],
        [kept("exit:1", 1), kept("exit:2", 1), kept("exit:3", 1)],
    ],
)
async def test_results_of_other_visits_settle_and_park_nothing(
    session: aiohttp.ClientSession, results: list[ItemResult]
):
    outbox = Outbox()
    entries = [Entry(f"{number}-0", f"exit:{number}", 1, encode(item(number)), 0, 0) for number in (1, 2)]
    with Api(Answer(headers=JSON, body=encode(PostResults(results)))) as api:
        telemetry = start(TelemetryOptions(service="test", statistics_seconds=0))
        deliverer = Deliverer(outbox, SummaryApi(session, api.url, lambda: None), telemetry, "me", lambda *_: None)
        async with asyncio.timeout(240), asyncio.TaskGroup() as group:
            group.create_task(deliverer.deliver(entries))
            while len(api.requests) < 2:
                await asyncio.sleep(0.01)
            assert (outbox.settled, outbox.parked) == ([], [])
            right = [kept("exit:1", 1), kept("", 0, ItemStatus.INVALID)]
            api.answer = Answer(headers=JSON, body=encode(PostResults(right)))
    assert (outbox.settled, outbox.parked) == (["1-0"], ["2-0"])


async def test_strangers_that_answer_one_after_the_other_park_nothing_and_end_nothing(
    run_service, redis_url, rabbitmq_url, mall, tmp_path
):
    pipeline = Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)
    with Api(ANSWERS["html-200"]) as api:
        backend = pipeline.start_backend({"PARKSTREAM_SUMMARY_URL": api.url})
        async with Cars(pipeline.rabbitmq_url) as cars:
            await cars.drive(50)
            await pipeline.until(lambda: "deliver.failing" in backend.output.read_text())
            for name in ("html-413", "redirect", "bomb", "deep", "no-utf-8", "retry-after", "foreign-json-422"):
                api.answer, before = ANSWERS[name], len(api.requests)
                await pipeline.until(lambda before=before: len(api.requests) >= before + 3)
                assert backend.alive, name
                assert pipeline.state()["parked"] == 0, name
    pipeline.start_api(port=api.port)
    await pipeline.balances(cars.traffic)
    [failing] = [json.loads(line) for line in backend.output.read_text().splitlines() if '"deliver.failing"' in line]
    assert failing["problem"] == "the server answered 200, and not as ours does"
