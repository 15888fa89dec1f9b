"""``parkstream trace`` on the spans of real services: by visit, by plate, and by what is remembered of it."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest
from backend_sightings import now
from parkstream_devtools.otlp.sink import Sink
from traces import Camera, Traced, id_of, traced_pipeline

HOUR = timedelta(hours=1)
STEPS = ["process", "project", "deliver", "POST", "write"]
NOWHERE = "redis://127.0.0.1:9"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("traces")


@pytest.fixture(scope="module")
def traced(sandbox, servers, folder):
    with (
        Sink(keep=folder / "spans.jsonl") as sink,
        traced_pipeline(sandbox, *servers, folder, sink) as made,
    ):
        made.pipeline.start()
        yield made


@pytest.fixture
async def car(traced: Traced):
    """Let the car CAR1 come and go; return the id of the trace in which its visit was written."""
    async with Camera(traced.pipeline.rabbitmq_url) as camera:
        await camera.enters("CAR1", now() - HOUR)
        left = await camera.leaves("CAR1", now())
        await traced.trace(left)
        return left[3:35]


@pytest.fixture
def trace(folder):
    """Run the command."""

    def run(*arguments, **environ):
        command = [sys.executable, "-m", "parkstream_cli", "trace", *arguments]
        told = {"PARKSTREAM_SPANS_FILE": str(folder / "spans.jsonl"), "PARKSTREAM_REDIS_URL": NOWHERE, **environ}
        return subprocess.run(command, env=told, capture_output=True, text=True, check=False)

    return run


def traces_in(answer):
    assert answer.returncode == 0, answer.stderr
    return {one["trace_id"]: one for one in json.loads(answer.stdout)["traces"]}


async def test_a_car_is_found_by_its_visit_its_plate_or_what_is_remembered(traced, car, trace):
    visit_id = next(one["visit_id"] for one in traced.pipeline.lines() if one["exit_event_id"] == id_of("out", "CAR1"))
    by_visit = traces_in(trace(visit_id, "--json"))
    assert [row["span"].partition(" ")[0] for row in by_visit[car]["trace"]] == STEPS
    assert by_visit[car]["visit_id"] == visit_id
    assert by_visit[car]["e2e_duration_ms"] > 0

    by_plate = traces_in(trace("car-1", "--json", PARKSTREAM_PLATE_HASH_KEY="test"))
    assert by_plate[car] == by_visit[car]
    assert len(by_plate) == 2, "the entry's trace has its plate too"

    here = {name: traced.pipeline.environ[name] for name in ("PARKSTREAM_REDIS_URL", "PARKSTREAM_MALL")}
    remembered = traces_in(trace("car-1", "--json", **here))
    assert remembered[car] == by_visit[car]

    drawn = trace(visit_id)
    assert f"trace {car}" in drawn.stdout
    assert "POST /v1/summaries" in drawn.stdout

    unknown = trace("car-1")
    assert unknown.returncode == 1
    assert "PARKSTREAM_PLATE_HASH_KEY" in unknown.stderr
    assert NOWHERE in unknown.stderr
