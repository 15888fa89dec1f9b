"""Both generators and the whole pipeline: whatever they do is in a trace, and no trace names a plate."""

import asyncio

import pytest
from generator_client import Account, finished, reached
from parkstream_telemetry.received_span import ReceivedSpan
from traces import PROCESS_ENTRY, PROCESS_EXIT, Traced, traced_pipeline, until

ENTRY, EXIT = "publish parking.events:vehicle.entered", "publish parking.events:vehicle.exited"
CAMERAS = {
    "PARKSTREAM_RATE": "40",
    "PARKSTREAM_DURATION_SECONDS": "3",
    "PARKSTREAM_GATES": "north=0.6,south=0.4",
    "PARKSTREAM_SEED": "7",
    "PARKSTREAM_DUPLICATE_SHARE": "0.05",
    "PARKSTREAM_MATCH_SHARE": "0.8",
    "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.5",
}


@pytest.fixture(scope="module")
def traced(sandbox, servers, tmp_path_factory):
    with traced_pipeline(sandbox, *servers, tmp_path_factory.mktemp("cameras")) as made:
        made.pipeline.start()
        yield made


async def run_cameras(traced: Traced) -> tuple[Account, Account]:
    """Run both cameras until every exit is on disk and every span has come; return both accounts."""
    environ = traced.pipeline.environ | CAMERAS
    leaving = await asyncio.to_thread(
        traced.run, "parkstream_exit_generator", environ | {"PARKSTREAM_DURATION_SECONDS": "0"}
    )
    entering = await asyncio.to_thread(traced.run, "parkstream_entry_generator", environ)
    entered = await reached(entering, lambda now: not now["running"] and not now["buffered"])
    await reached(leaving, lambda now: now["matched"] == entered["published"] and not now["buffered"])
    left = await finished(leaving)
    await until(lambda: all_taken_in(traced, publishes(entered) + publishes(left)))
    for camera in (entering, leaving):
        assert await asyncio.to_thread(camera.terminate) == 0
    return entered, left


def publishes(account: Account) -> int:
    return int(account["published"] + account["duplicates"])


def all_taken_in(traced: Traced, published: int) -> bool:
    """Return whether nothing is on its way any more."""
    state = traced.pipeline.state()
    waits = state["lag"] or state["outbox_depth"] or state["pending"]
    return not waits and state["position"] > 0 and len(processes(traced)) == published


def processes(traced: Traced) -> list[ReceivedSpan]:
    return [span for span in traced.spans().all if span.name in {PROCESS_ENTRY, PROCESS_EXIT}]


async def test_all_that_cameras_publish_is_in_a_trace(traced: Traced):
    entered, left = await run_cameras(traced)
    lines = traced.pipeline.lines()
    await until(lambda: len(traced.spans().named("write")) == len(lines))
    spans = traced.spans()
    exits, entries = spans.named(EXIT), spans.named(ENTRY)
    assert (len(entries), len(exits)) == (publishes(entered), publishes(left))
    assert len(spans.named("project")) == len(spans.named("deliver")) == len(lines)
    assert spans.orphans() == []
    for write in spans.named("write"):
        way = [name for name in spans.way_to(write) if name != "POST /v1/summaries"]
        assert way == [EXIT, PROCESS_EXIT, "project", "deliver", "write"]

    gates = {span.span_id: span.attributes["parking.gate"] for span in exits + entries}
    assert set(gates.values()) == {"north", "south"}
    assert all(span.attributes["parking.gate"] == gates[span.parent_span_id] for span in processes(traced))

    linked = {link.span_id for span in exits for link in span.links}
    assert len([span for span in exits if span.links]) >= left["matched"]
    assert linked <= {span.span_id for span in entries}
    assert len([span for span in exits if not span.links]) >= left["unmatched"] > 0

    assert traced.sink.problems() == []
    services = {span.service for span in spans.all}
    assert services == {
        f"parkstream-{name}" for name in ("backend", "summary-api", "entry-generator", "exit-generator")
    }
    told = "\n".join(map(repr, [*traced.sink.spans(), *traced.sink.metrics(), *traced.sink.logs()]))
    told += "".join(path.read_text() for path in traced.outputs)
    assert [line["vehicle_plate"] for line in lines if line["vehicle_plate"] in told] == []
