"""A replay under a running pipeline: nobody is restarted, and the summary file has the next revisions."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from parkstream_projection import StaleError
from pipeline import Pipeline
from pipeline_traffic import Cars
from projections import SECOND, Mall, now_us, sighting, untimed
from replays import becomes_readable, newer_entry, replayed

TICK_SECONDS = 0.01


@pytest.fixture
def pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path) -> Pipeline:
    return Pipeline(run_service, redis_url, rabbitmq_url, mall, tmp_path)


def revisions(pipeline: Pipeline, visit_id: str) -> list[tuple[int, str]]:
    content = pipeline.file.read_bytes() if pipeline.file.exists() else b""
    whole = content[: content.rfind(b"\n") + 1]  # The last line may be half there while it is written.
    lines = [json.loads(line) for line in whole.splitlines()]
    return [(line["revision"], line["outcome"]) for line in lines if untimed(line["visit_id"]) == visit_id]


async def ask_all_the_time(pipeline: Pipeline, done: asyncio.Event) -> tuple[set[str], float]:
    """Ask where the projection stands until *done*; return the states told, and the longest time an answer took."""
    told, longest = set[str](), 0.0
    while not done.is_set():
        state_hash, seconds = await asyncio.to_thread(asked, pipeline)
        told.add(state_hash)
        longest = max(longest, seconds)
    return told, longest


def asked(pipeline: Pipeline) -> tuple[str, float]:
    """Return the state that is told, and how long that took, without what the machine stood still meanwhile."""
    seconds = 0.0
    with ThreadPoolExecutor(1) as thread:
        answer = thread.submit(pipeline.state)
        while wait([answer], TICK_SECONDS).not_done:
            seconds += TICK_SECONDS
    return answer.result()["state_hash"], seconds


async def test_a_record_that_became_readable_reaches_the_summary_file(
    pipeline: Pipeline, shop: Mall, monkeypatch: pytest.MonkeyPatch
):
    pipeline.start_api()
    for _ in range(2):
        pipeline.start_backend()
    async with Cars(pipeline.rabbitmq_url) as cars:
        await cars.drive(100)
        at = now_us() - 20 * SECOND
        await shop.log.append([newer_entry("n", "NEWER", at), sighting(1, "x", "NEWER", at + SECOND)])
        await pipeline.until(lambda: revisions(pipeline, "exit:x") == [(1, "entry_missed")])
        becomes_readable(monkeypatch)
        done = asyncio.Event()
        asking = asyncio.create_task(ask_all_the_time(pipeline, done))
        await pipeline.until(lambda: pipeline.state()["lag"] == 0)
        result = await replayed(shop, switch=True, deliver=True)
        assert (result.differences, result.switched) == (1, True)
        await pipeline.until(lambda: revisions(pipeline, "exit:x") == [(1, "entry_missed"), (2, "completed")])
        await cars.drive(100)
        await pipeline.until(lambda: is_settled(pipeline, cars.traffic.sightings + 3))
        done.set()
        told, longest = await asking
    assert len(told) > 1
    assert longest < 2
    assert all(backend.alive for backend in pipeline.backends)
    state, stats = pipeline.state(), pipeline.stats()
    assert state["parked"] == 0
    assert state["counters"]["unreadable"] == 0
    assert stats["lines"] == len(pipeline.lines())
    assert state["state_hash"] == (await shop.truth()).hash
    switched = [line for backend in pipeline.backends for line in said(backend.output.read_text())]
    assert {line["version"] for line in switched} == {2}


def is_settled(pipeline: Pipeline, records: int) -> bool:
    state = pipeline.state()
    settled = (state["lag"], state["pending"], state["outbox_depth"]) == (0, 0, 0)
    return settled and state["position"] >= records and len(pipeline.lines()) == pipeline.stats()["lines"]


def said(output: str) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "project.switched"]


async def test_switches_to_and_fro_under_traffic_lose_and_repeat_nothing(pipeline: Pipeline, shop: Mall):
    pipeline.start_api()
    for _ in range(2):
        pipeline.start_backend()
    switches = 0
    async with Cars(pipeline.rabbitmq_url) as cars:
        driving = asyncio.create_task(cars.drive(1_500))
        await pipeline.until(lambda: pipeline.state()["checkpoint"] > 50)
        assert (await replayed(shop, switch=True)).switched
        while not driving.done() or switches < 3:
            assert (await replayed(shop, rollback=True)).switched
            switches += 1
        await driving
        state = await pipeline.balances(cars.traffic)
    assert state["state_hash"] == (await shop.truth()).hash
    assert StaleError.__name__ not in "".join(backend.output.read_text() for backend in pipeline.backends)
