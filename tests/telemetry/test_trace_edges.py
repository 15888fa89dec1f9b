"""One trace per car, from the camera's message to the file: every edge and every link, as the services send them."""

import asyncio
import json
from datetime import timedelta

import pytest
from backend_sightings import now
from parkstream_events.sightings import microseconds
from parkstream_events.wire import encode
from summary_items import item
from traces import (
    PROCESS_ENTRY,
    PROCESS_EXIT,
    Camera,
    Traced,
    id_of,
    new_traceparent,
    post,
    read,
    traced_pipeline,
    until,
)

HOUR = timedelta(hours=1)
LONE = [PROCESS_EXIT, "project", "deliver", "POST /v1/summaries", "write"]
IN_A_BATCH = [PROCESS_EXIT, "project", "deliver", "write"]


@pytest.fixture(scope="module")
def traced(sandbox, servers, tmp_path_factory):
    with traced_pipeline(sandbox, *servers, tmp_path_factory.mktemp("traces")) as made:
        made.pipeline.start()
        yield made


@pytest.fixture
async def camera(traced: Traced):
    async with Camera(traced.pipeline.rabbitmq_url) as made:
        yield made


async def test_a_lone_summary_is_one_trace_from_the_camera_to_the_file(traced: Traced, camera: Camera):
    entered = await camera.enters("ONE", now() - HOUR)
    left_at = now()
    left = await camera.leaves("ONE", left_at)
    trace = await traced.trace(left)
    write = trace.one("write")
    assert trace.way_to(write) == LONE
    assert trace.one(PROCESS_EXIT).parent_span_id == left[36:52]
    assert len(trace.all) == len(LONE)
    assert [span.name for span in traced.spans(entered[3:35]).all] == [PROCESS_ENTRY]
    assert write.attributes["parking.visit.id"] == f"exit:{id_of('out', 'ONE')}@{microseconds(left_at)}"
    assert write.attributes["parking.item.status"] == "written"
    assert write.attributes["parking.pending"] is False
    (request,) = trace.named("POST /v1/summaries")
    assert request.attributes["http.response.status_code"] == 200
    assert {span.kind for span in trace.all} == {"CONSUMER", "INTERNAL", "CLIENT", "SERVER"}


async def test_the_last_span_says_how_long_the_whole_way_took(traced: Traced, camera: Camera):
    began = now()
    await camera.enters("SLOW", now() - HOUR)
    trace = await traced.trace(await camera.leaves("SLOW", now()))
    write = trace.one("write")
    took_ms = write.attributes["parking.e2e.duration_ms"]
    assert 0 < took_ms < (now() - began) / timedelta(milliseconds=1)
    assert write.end_us - trace.one(PROCESS_EXIT).start_us <= took_ms * 1_000


def request_ids(traced: Traced) -> set[str]:
    return {span.span_id for span in traced.spans().named("POST /v1/summaries")}


async def test_in_a_larger_batch_each_write_hangs_under_its_own_deliver_and_links_to_the_post(
    traced: Traced, camera: Camera
):
    plates = [f"MANY{number}" for number in range(60)]
    await asyncio.gather(*(camera.enters(plate, now() - HOUR) for plate in plates))
    lefts = await asyncio.gather(*(camera.leaves(plate, now()) for plate in plates))
    traces = [await traced.trace(left) for left in lefts]
    await until(lambda: {link.span_id for trace in traces for link in trace.one("write").links} <= request_ids(traced))
    posts = {span.span_id: span for span in traced.spans().named("POST /v1/summaries")}
    batched = 0
    for trace, left in zip(traces, lefts, strict=True):
        deliver, write = trace.one("deliver"), trace.one("write")
        assert trace.one(PROCESS_EXIT).parent_span_id == left[36:52]
        if deliver.attributes["messaging.batch.message_count"] == 1:
            assert trace.way_to(write) == LONE
            continue
        batched += 1
        assert trace.way_to(write) == IN_A_BATCH
        (link,) = write.links
        request = posts[link.span_id]
        assert (request.trace_id, request.parent_span_id) == (link.trace_id, "")
        size = deliver.attributes["messaging.batch.message_count"]
        assert request.attributes["messaging.batch.message_count"] == size
        assert request.start_us <= write.end_us
    assert batched


async def test_a_duplicate_ends_with_its_process(traced: Traced, camera: Camera):
    at = now()
    await camera.enters("TWICE", at - HOUR)
    first, again = await camera.leaves("TWICE", at), new_traceparent()
    trace = await traced.trace(first)
    await camera.leaves("TWICE", at, again)
    assert trace.one(PROCESS_EXIT).attributes["parking.outcome"] == "appended"
    (process,) = (await traced.trace(again, PROCESS_EXIT)).all
    assert process.attributes["parking.outcome"] == "duplicate"
    assert len(traced.spans(first[3:35]).named("project")) == 1


async def test_a_late_entry_carries_on_the_revision_that_it_causes(traced: Traced, camera: Camera):
    at = now()
    left = await camera.leaves("LATE", at)
    held = (await traced.trace(left)).one("write")
    entered = await camera.enters("LATE", at - HOUR)
    trace = await traced.trace(entered)
    write = trace.one("write")
    assert trace.way_to(write)[0] == PROCESS_ENTRY
    assert trace.one("project").parent_span_id == trace.one(PROCESS_ENTRY).span_id
    assert (held.attributes["parking.outcome"], held.attributes["parking.pending"]) == ("entry_missed", True)
    assert (write.attributes["parking.outcome"], write.attributes["parking.pending"]) == ("completed", False)
    assert [one.attributes["parking.visit.revision"] for one in (held, write)] == [1, 2]
    assert held.attributes["parking.visit.id"] == write.attributes["parking.visit.id"]
    assert len(traced.spans(left[3:35]).named("write")) == 1


async def test_a_summary_that_is_refused_is_an_error_once_where_it_happened(traced: Traced, camera: Camera):
    left_at = now()
    other = item(f"{id_of('out', 'BAD')}@{microseconds(left_at)}", vehicle_plate="OTHER")
    answer = post(f"{traced.pipeline.api.url}/v1/summaries", encode(other))
    assert answer["results"][0]["status"] == "written"
    await camera.enters("BAD", left_at - HOUR)
    trace = await traced.trace(await camera.leaves("BAD", left_at), "deliver")
    deliver = trace.one("deliver")
    assert deliver.status == "ERROR"
    assert deliver.attributes["parking.item.status"] == "conflict"
    assert [event.name for event in deliver.events] == ["exception"]
    await until(lambda: traced.pipeline.state()["parked"] == 1)


async def test_tries_that_fail_are_told_once_and_do_not_spoil_the_delivery(traced: Traced, camera: Camera):
    api = traced.pipeline.api
    await asyncio.to_thread(api.terminate)
    await camera.enters("AWAY", now() - HOUR)
    left = await camera.leaves("AWAY", now())
    await until(lambda: traced.pipeline.state()["outbox_depth"] == 1)
    await asyncio.sleep(0.5)  # So that it is tried more than once.
    api.restart()
    await asyncio.to_thread(api.wait_ready)
    trace = await traced.trace(left)
    delivers = trace.named("deliver")
    assert max(one.attributes["http.request.resend_count"] for one in delivers) > 1
    for deliver in delivers:
        (event,) = deliver.events
        assert event.attributes["exception.type"].endswith("UnavailableError")
        assert deliver.status == "UNSET"
        assert "error.type" not in deliver.attributes
    (write,) = [one for one in trace.named("write") if one.attributes["parking.item.status"] == "written"]
    assert trace.way_to(write) == LONE


async def test_nothing_is_told_that_is_not_listed_and_no_plate_is(traced: Traced, camera: Camera):
    plate = "SECRET4711"
    await camera.enters(plate, now() - HOUR)
    await traced.trace(await camera.leaves(plate, now()))
    assert traced.sink.problems() == []
    told = [*traced.sink.spans(), *traced.sink.metrics(), *traced.sink.logs()]
    lines = [service.output.read_text() for service in (traced.pipeline.api, *traced.pipeline.backends)]
    for text in [*map(repr, told), *lines]:
        assert plate not in text


STAGES = {
    "parkstream_backend": ["publish_to_record", "record_to_project", "project_to_deliver"],
    "parkstream_summary_api": ["deliver_to_disk", "end_to_end", "end_to_end_pending"],
}


@pytest.mark.parametrize("module", STAGES)
async def test_every_stage_is_counted_where_it_ends(traced: Traced, camera: Camera, module: str):
    await camera.enters(f"STAGE{module[-3:]}", now() - HOUR)
    await camera.leaves(f"STAGE{module[-3:]}", now())
    await camera.leaves(f"HELD{module[-3:]}", now())
    services = {"parkstream_backend": traced.pipeline.backends[0], "parkstream_summary_api": traced.pipeline.api}
    output, stages = services[module].output, STAGES[module]

    def said() -> set[str]:
        lines = [json.loads(line) for line in output.read_text().splitlines() if "latency.statistics" in line]
        return {stage for line in lines for stage in line["stages"]}

    await until(lambda: said() >= set(stages))
    url = f"{services[module].url}/metrics"
    await until(lambda: all(f'parking_stage="{stage}"' in read(url) for stage in stages))


FIGURES = [
    "parking_queue_wait_seconds_count",
    "parking_commit_size_count",
    "parking_record_outcomes_total",
    "parking_projection_lag",
    "parking_outbox_depth",
    "parking_outbox_age_seconds",
    "parking_outbox_parked",
    "parking_delivery_failing",
    "parking_cars_inside",
    "parking_visits_matched_share",
    "parking_delivery_size_count",
]


async def test_the_backend_shows_how_it_is(traced: Traced, camera: Camera):
    await camera.enters("FIGURES", now() - HOUR)
    await traced.trace(await camera.leaves("FIGURES", now()))

    def missing() -> list[str]:
        metrics = read(f"{traced.pipeline.backends[0].url}/metrics")
        return [name for name in FIGURES if name not in metrics]

    await until(lambda: not missing(), lambda: str(missing()))
