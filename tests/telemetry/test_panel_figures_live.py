"""Panels over what running services really sent, an outage of the summary API among it, against their own account.

What needs RabbitMQ's or Redis' own figures, minutes, or a camera process is in test_panel_figures.py only.
"""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aggregations import Evaluator
from backend_sightings import now
from gateway import SigNozInstead
from mall_telemetry import BACKEND
from parkstream_devtools import free_port
from sent_metrics import sent_samples
from traces import Camera, Spans, traced_pipeline, until

ROOT = Path(__file__).parents[2]
CARS, LATE, STAYING = 30, 20, 5
LATE_SECONDS = 2
CALM_POINTS = 4
PANELS = {
    panel["spec"]["display"]["name"]: panel["spec"]["queries"][0]["spec"]["plugin"]
    for path in (ROOT / "signoz" / "dashboards").glob("*.json")
    for panel in json.loads(path.read_text())["spec"]["panels"].values()
}


class Live(NamedTuple):
    """What was sent, evaluated by the second, and what the services say of themselves at the end."""

    evaluator: Evaluator
    spans: Spans
    state: dict[str, Any]


@pytest.fixture(scope="module")
def live(sandbox, servers, tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    with SigNozInstead() as sink, traced_pipeline(sandbox, *servers, folder, sink) as traced:
        environ = {"PARKSTREAM_PORT": str(free_port())}
        traced.pipeline.start_api(environ)
        traced.pipeline.start_backend()
        state = asyncio.run(drive(traced, sink, environ))
        spans = traced.spans()
        start_us = min(span.start_us for span in spans.all) // 1_000_000 * 1_000_000
        yield Live(Evaluator(sent_samples(sink.requests, start_us), spans.all, start_us, 1), spans, state)


async def drive(traced, sink, environ):
    """Let cars come and go, take the summary API away, let more leave, and bring it back."""
    pipeline = traced.pipeline
    async with Camera(pipeline.rabbitmq_url) as camera:
        for number in range(CARS + LATE + STAYING):
            await camera.enters(f"CAR{number}", now() - timedelta(hours=1))
        for number in range(CARS):
            await camera.leaves(f"CAR{number}", now())
        # Who is killed takes along what was not exported.
        await until(lambda: written(traced) == CARS)
        pipeline.api.kill()
        for number in range(CARS, CARS + LATE):
            await camera.leaves(f"CAR{number}", now())
        await until(lambda: highest(sink, "parking.outbox.depth") == LATE)
        await until(lambda: highest(sink, "parking.outbox.age") > LATE_SECONDS)
        pipeline.start_api(environ)
        await pipeline.until(lambda: pipeline.stats()["lines"] == CARS + LATE)
        # Longer than a second, so that the last one is free of what was before.
        await until(lambda: told(sink, "parking.outbox.depth")[-CALM_POINTS:] == [0] * CALM_POINTS)
        await until(lambda: told(sink, "parking.cars.inside")[-1] == STAYING)
        await until(lambda: written(traced) == CARS + LATE, lambda: repr(traced.spans()))
    return pipeline.state()


def written(traced):
    """Return how many visits have a write: one that was delivered twice has two."""
    return len({span.attributes["parking.visit.id"] for span in traced.spans().named("write")})


def told(sink, name):
    return [point.value for point in sink.metrics() if point.name == name and point.service == BACKEND]


def highest(sink, name):
    return max(told(sink, name), default=0)


def drawn(live, title):
    plugin = PANELS[title]
    composite = plugin["kind"] == "signoz/CompositeQuery"
    queries = plugin["spec"]["queries"] if composite else [{"type": "builder_query", "spec": plugin["spec"]}]
    selected = [query["spec"]["name"] for query in queries if not query["spec"].get("disabled")]
    return live.evaluator.ask(queries, selected[0])


@pytest.mark.parametrize("title", ["Summaries that wait"])
def test_what_waits_is_drawn_at_its_peak(live, title):
    (points,) = drawn(live, title).values()
    assert max(points.values()) == LATE
    assert points[max(points)] == 0


@pytest.mark.parametrize("title", ["Age of the oldest summary not delivered", "Oldest summary not delivered"])
def test_the_oldest_ages_a_second_per_second_while_nobody_takes_it(live, title):
    (points,) = drawn(live, title).values()
    peak = max(points, key=points.__getitem__)
    begun = max((at for at, value in points.items() if at < peak and value <= 0.5), default=min(points))
    assert points[peak] > LATE_SECONDS
    assert points[peak] <= peak - min(points) + 1
    # Not how many points there are: a second in which the machine stood still has none.
    assert points[peak] == pytest.approx(peak - begun, abs=LATE_SECONDS)
    assert points[max(points)] == 0


def test_the_log_is_as_long_as_the_account_says(live):
    (points,) = drawn(live, "Records ever written").values()
    assert points[max(points)] == live.state["position"] >= 2 * (CARS + LATE) + STAYING


def test_who_has_not_left_is_inside(live):
    (points,) = drawn(live, "Cars inside").values()
    assert points[max(points)] == STAYING


def test_each_step_has_as_many_spans_as_there_were_events(live):
    steps = drawn(live, "Steps per second")
    totals = {name: round(sum(points.values())) for name, points in steps.items()}
    assert totals["write"] >= CARS + LATE
    assert {name: len(live.spans.named(name)) for name in totals} == totals


def test_p95_of_a_step_is_between_its_shortest_and_its_longest(live):
    for name, points in drawn(live, "p95 per stage").items():
        durations = [(span.end_us - span.start_us) * 1000 for span in live.spans.named(name)]
        assert min(durations) <= min(points.values()) <= max(points.values()) <= max(durations)


def test_a_group_commit_holds_at_least_one_event(live):
    (points,) = drawn(live, "Events in one group commit, on average").values()
    assert all(1 <= value <= CARS + LATE for value in points.values())
