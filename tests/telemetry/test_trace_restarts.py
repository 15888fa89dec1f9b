"""A trace goes on when a backend takes over from another, however that one ended."""

import asyncio
import time
from datetime import timedelta

import aio_pika
import pytest
from backend_sightings import now
from parkstream_events.topology import EXITS_QUEUE
from pipeline_traffic import Cars, driving
from traces import PROCESS_ENTRY, PROCESS_EXIT, Camera, Spans, Traced, new_traceparent, traced_pipeline, until

EXPORT_US = 10_000_000
"""What is kept for its export may be this old; in these tests it is 50 ms, but processes have to share two cores."""


@pytest.fixture
def traced(sandbox, servers, tmp_path):
    with traced_pipeline(sandbox, *servers, tmp_path) as made:
        made.pipeline.start_api()
        yield made


async def hand_back(url: str, queue: str, count: int) -> None:
    """Take *count* messages, and give them back."""
    connection = await aio_pika.connect(url)
    channel = await connection.channel()
    messages = [await (await channel.get_queue(queue)).get(timeout=120) for _ in range(count)]
    for message in messages:
        await message.nack(requeue=True)
    await connection.close()


async def as_one(traced: Traced, role: str, left: str, last: str) -> None:
    """Let a backend of one *role* do its part, and kill it."""
    backend = await asyncio.to_thread(traced.pipeline.start_backend, {"PARKSTREAM_ROLES": role})
    await traced.trace(left, last)
    backend.kill()


async def test_a_trace_outlives_a_backend_between_any_two_steps(traced: Traced):
    left, again = new_traceparent(), new_traceparent()
    async with Camera(traced.pipeline.rabbitmq_url) as camera:
        at = now()
        entered = await camera.enters("CAR", at - timedelta(hours=1))
        await camera.leaves("CAR", at, left)
        await camera.leaves("CAR", at, again)
    first = {
        "PARKSTREAM_ROLES": "record",
        "PARKSTREAM_QUEUES": "entries",
    }  # The exit is the one that completes the visit.
    backend = await asyncio.to_thread(traced.pipeline.start_backend, first)
    await traced.trace(entered, PROCESS_ENTRY)
    backend.kill()
    await hand_back(traced.pipeline.rabbitmq_url, EXITS_QUEUE, 2)
    backend = await asyncio.to_thread(traced.pipeline.start_backend, {"PARKSTREAM_ROLES": "record"})
    processes = [
        await traced.trace(*one) for one in [(entered, PROCESS_ENTRY), (left, PROCESS_EXIT), (again, PROCESS_EXIT)]
    ]
    backend.kill()
    outcomes = {one.attributes["parking.outcome"]: one for one in (spans.one(PROCESS_EXIT) for spans in processes[1:])}
    assert outcomes.keys() == {"appended", "duplicate"}
    assert all(one.attributes["parking.message.redelivered"] for one in outcomes.values())
    kept = left if outcomes["appended"].trace_id == left[3:35] else again
    await as_one(traced, "project", kept, "project")
    await as_one(traced, "deliver", kept, "write")
    trace = traced.spans(kept[3:35])
    assert trace.way_to(trace.one("write")) == [PROCESS_EXIT, "project", "deliver", "POST /v1/summaries", "write"]
    assert [one.parent_span_id for one in trace.orphans()] == [kept[36:52]]
    assert not {span.name for span in traced.sink.spans()} - {PROCESS_ENTRY, *trace.way_to(trace.one("write"))}
    assert len(traced.spans().named("project")) == 1


async def test_a_kill_costs_the_spans_on_their_way_and_nothing_else(traced: Traced):
    backend = await asyncio.to_thread(traced.pipeline.start_backend)
    async with Cars(traced.pipeline.rabbitmq_url) as cars, driving(cars, pause_seconds=0.1):
        await asyncio.sleep(0.7)
        backend.kill()
        killed_us = time.time_ns() // 1_000
        backend.restart()
        await asyncio.to_thread(backend.wait_ready)
    await traced.pipeline.balances(cars.traffic)
    lines = {(line["visit_id"], line["revision"]) for line in traced.pipeline.lines()}
    await until(lambda: written(traced.spans()) == lines)
    await until(lambda: not lacking(traced.spans(), killed_us), lambda: f"{lacking(traced.spans(), killed_us)}")
    assert traced.sink.problems() == []


def written(spans: Spans) -> set[tuple[str, int]]:
    """Return what the spans say is on disk."""
    said = [span.attributes for span in spans.named("write") if span.attributes["parking.item.status"] == "written"]
    return {(one["parking.visit.id"], one["parking.visit.revision"]) for one in said}


def lacking(spans: Spans, killed_us: int) -> list[tuple[list[str], int, int]]:
    """Return the ways to the disk that lack a span although their car was not on its way when the kill came."""
    found: list[tuple[list[str], int, int]] = []
    for write in spans.named("write"):
        way, took_ms = spans.way_to(write), write.attributes.get("parking.e2e.duration_ms")
        if took_ms is None or way[0].startswith("process"):  # What was written before the kill, and again after it.
            continue
        began_us = write.end_us - round(took_ms * 1_000)
        if not began_us <= killed_us <= write.end_us + EXPORT_US:
            found.append((way, began_us - killed_us, write.end_us - killed_us))
    return found
