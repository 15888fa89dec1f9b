"""The SQL of the dashboards, in ClickHouse, over spans that our services really sent: the numbers are right."""

import asyncio
import json
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from clickhouse import ClickHouse
from generator_client import finished, reached
from parkstream_events.units import MINUTE_US
from traces import PROCESS_ENTRY, PROCESS_EXIT, Spans, traced_pipeline, until

ROOT = Path(__file__).parents[2]
PROCESSES = {PROCESS_ENTRY, PROCESS_EXIT}
E2E = "parking.e2e.duration_ms"
CAMERAS = {
    "PARKSTREAM_RATE": "30",
    "PARKSTREAM_DURATION_SECONDS": "2",
    "PARKSTREAM_SEED": "7",
    "PARKSTREAM_MATCH_SHARE": "0.8",
    "PARKSTREAM_DWELL_MEDIAN_SECONDS": "0.5",
}


@pytest.fixture(scope="module")
def spans(sandbox, servers, tmp_path_factory) -> Spans:
    """What both cameras, a backend and the summary API told of some seconds."""
    with traced_pipeline(sandbox, *servers, tmp_path_factory.mktemp("sql")) as traced:
        traced.pipeline.start()
        asyncio.run(drive(traced))
        return traced.spans()


async def drive(traced):
    """Let cars come and go until every exit is on disk and told."""
    environ = traced.pipeline.environ | CAMERAS
    leaving = traced.run("parkstream_exit_generator", environ | {"PARKSTREAM_DURATION_SECONDS": "0"})
    entering = traced.run("parkstream_entry_generator", environ)
    entered = await reached(entering, lambda now: not now["running"] and not now["buffered"])
    await reached(leaving, lambda now: now["matched"] == entered["published"] and not now["buffered"])
    left = await finished(leaving)
    await until(lambda: len(traced.spans().named("write")) >= left["published"])
    for camera in (entering, leaving):
        camera.terminate()


@pytest.fixture(scope="module")
def house(spans, tmp_path_factory):
    made = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    made.insert(spans.all)
    yield made
    made.close()


@pytest.fixture(scope="module")
def asked_for(spans) -> tuple[datetime, datetime]:
    """A range that holds all."""
    times = [span.start_us for span in spans.all]
    return at(min(times)) - timedelta(minutes=1), at(max(times)) + timedelta(minutes=1)


def at(moment_us):
    return datetime.fromtimestamp(moment_us / 1e6, UTC)


def sql_of(panel):
    """Return the SQL of *panel* as it is applied."""
    board = json.loads((ROOT / "signoz" / "dashboards" / "camera-to-disk.json").read_text())
    (found,) = [one for one in board["spec"]["panels"].values() if one["spec"]["display"]["name"] == panel]
    return found["spec"]["queries"][0]["spec"]["plugin"]["spec"]["query"]


def quantile(values, level):
    """Return the quantile as ClickHouse does: between the two samples next to it."""
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def per_minute(samples):
    """Return p50, p95 and p99 of (time, value) *samples* per minute, as the panels have them."""
    minutes = defaultdict(list)
    for moment_us, value in samples:
        minutes[moment_us // MINUTE_US * 60].append(value)
    levels = {"p50": 0.5, "p95": 0.95, "p99": 0.99}
    return {
        (minute, name): quantile(values, level) for minute, values in minutes.items() for name, level in levels.items()
    }


def drawn(rows):
    return {(epoch(row["ts"]), row["quantile"]): row["value"] for row in rows}


def epoch(text):
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def decided_on_arrival(spans):
    return [span for span in spans.named("write") if E2E in span.attributes and not span.attributes["parking.pending"]]


def test_end_to_end_percentiles_are_those_of_the_spans(spans, house, asked_for):
    wanted = per_minute((span.start_us, span.attributes[E2E]) for span in decided_on_arrival(spans))
    assert wanted
    assert drawn(house.ask(sql_of("End to end"), *asked_for)) == pytest.approx(wanted)


def test_the_wait_in_the_queues_is_from_the_end_of_publish_to_the_start_of_process(spans, house, asked_for):
    waits = []
    for span in spans.all:
        if span.name in PROCESSES and (parent := spans.parent(span)):
            assert parent.kind == "PRODUCER"
            waits.append((span.start_us, max(0, span.start_us - parent.end_us) / 1000))
    assert len(waits) > 100
    assert drawn(house.ask(sql_of("Wait in the work queues"), *asked_for)) == pytest.approx(per_minute(waits))


def test_the_slowest_exits_come_first_with_the_time_of_each_stage(spans, house, asked_for):
    writes = sorted(decided_on_arrival(spans), key=lambda span: -span.attributes[E2E])[:20]
    rows = house.ask(sql_of("Where their time went, ms"), *asked_for)
    assert [row["total"] for row in rows] == pytest.approx([span.attributes[E2E] for span in writes])
    for row, write in zip(rows, writes, strict=True):
        own = Spans([span for span in spans.all if span.trace_id == row["trace"]])
        assert row["visit"] == write.attributes["parking.visit.id"]
        assert row["outcome"] == write.attributes["parking.outcome"]
        stages = {stage: value for stage, value in row.items() if isinstance(value, float | int)}
        assert stages == pytest.approx(stages_of(own, write), abs=0.01)
        largest = max(stages[stage] for stage in ("publish", "queue", "record", "project", "outbox", "deliver"))
        assert row[row["slowest stage"]] == largest


def stages_of(own, write):
    """Return how long each stage of the trace *own* took, ms."""
    (publish,) = [span for span in own.all if span.kind == "PRODUCER"]
    (process,) = [span for span in own.all if span.name in PROCESSES]
    project, deliver = own.one("project"), own.one("deliver")
    return {
        "total": write.attributes[E2E],
        "publish": (publish.end_us - publish.start_us) / 1000,
        "queue": max(0, process.start_us - publish.end_us) / 1000,
        "record": (process.end_us - process.start_us) / 1000,
        "project": (project.end_us - project.start_us) / 1000,
        "outbox": max(0, deliver.start_us - project.end_us) / 1000,
        "deliver": (deliver.end_us - deliver.start_us) / 1000,
        "of it: write": (write.end_us - write.start_us) / 1000,
    }


@pytest.mark.parametrize("panel", ["End to end", "Wait in the work queues"])
def test_what_is_drawn_has_a_time_a_label_and_one_number(house, asked_for, panel):
    types = house.types(sql_of(panel), *asked_for)
    assert types.pop("ts").startswith("DateTime")
    assert types == {"quantile": "String", "value": "Float64"}


@pytest.mark.parametrize("panel", ["End to end", "Wait in the work queues", "Where their time went, ms"])
def test_what_lies_outside_the_range_is_left_out(house, asked_for, panel):
    assert house.ask(sql_of(panel), asked_for[1] + timedelta(hours=3), asked_for[1] + timedelta(hours=4)) == []
