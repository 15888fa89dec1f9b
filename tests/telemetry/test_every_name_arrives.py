"""Every metric, span, event and attribute that is listed is really emitted by the running system.

What is listed and never came is a promise that nobody keeps. What needs something that this run has not got is named
in ``ELSEWHERE`` with the reason; a reason for what did come is out of date, and fails too.
"""

import asyncio
import json
from collections.abc import Iterator
from itertools import product

import pytest
from eventful_run import EventfulRun
from parkstream_telemetry import conformance
from traces import traced_pipeline

Name = tuple[str, str, str]
"""Kind, name, attribute; the empty attribute stands for the name itself."""

UNFORESEEN = "only an error that nobody foresaw"
ELSEWHERE: dict[Name, str] = {
    ("event", "telemetry.invalid", ""): "only a mistake in the code; the run is strict, which raises instead",
    ("event", "telemetry.invalid", "parking.detail"): "the same",
    ("event", "request.failed", ""): UNFORESEEN,
    ("metric", "messaging.process.duration", "error.type"): UNFORESEEN,
    ("metric", "messaging.client.consumed.messages", "error.type"): UNFORESEEN,
    ("span", "replay", "error.type"): "a replay that fails (tests/integration/test_replay_switching.py)",
}


@pytest.fixture(scope="module")
def run(sandbox, tmp_path_factory) -> Iterator[EventfulRun]:
    redis, rabbitmq = sandbox.redis(), sandbox.rabbitmq()
    with traced_pipeline(sandbox, redis, rabbitmq, tmp_path_factory.mktemp("names")) as traced:
        eventful = EventfulRun(traced, redis, rabbitmq)
        asyncio.run(eventful.go())
        yield eventful


def listed() -> set[Name]:
    kinds = {"metric": conformance.metrics().values(), "event": conformance.events().values()}
    everything = [(kind, one) for kind, some in {**kinds, "span": conformance.spans()}.items() for one in some]
    return {
        (kind, one.name, attribute)
        for kind, one in everything
        for attribute in ("", *(attribute.name for attribute in one.attributes))
    }


def came(run: EventfulRun) -> Iterator[Name]:
    """Return what arrived at the receiver, and the events that stay at home, which are lines on stdout."""
    for span in run.traced.sink.spans():
        name = next(one.name for one in conformance.spans() if one.names(span.name))
        yield from (("span", name, attribute) for attribute in ("", *span.attributes))
    for point in run.traced.sink.metrics():
        yield from (("metric", point.name, attribute) for attribute in ("", *point.attributes))
    for log in run.traced.sink.logs():
        yield from (("event", log.event, attribute) for attribute in ("", *log.attributes))
    for path in run.traced.outputs:
        for line in path.read_text().splitlines():
            fields = json.loads(line) if line.startswith("{") else {}
            event = conformance.events().get(fields.get("event", ""))
            if event is not None and not event.exported:
                yield from (("event", event.name, one.name) for one in event.attributes if one.keyword in fields)
                yield ("event", event.name, "")


def test_every_listed_name_came(run: EventfulRun):
    assert sorted(listed() - set(came(run)) - ELSEWHERE.keys()) == []


def test_what_is_excused_is_listed_and_did_not_come(run: EventfulRun):
    assert sorted(ELSEWHERE.keys() - listed()) == []
    assert sorted(ELSEWHERE.keys() & set(came(run))) == []


def test_nothing_came_that_is_not_listed(run: EventfulRun):
    assert run.traced.sink.problems() == []


def test_every_metric_is_shown_for_prometheus_too(run: EventfulRun):
    missing = [one.name for one in conformance.metrics().values() if f"\n# TYPE {one.family} " not in run.metrics]
    assert missing == []


def test_every_value_of_every_label_has_its_series(run: EventfulRun):
    series = {(point.name, *map(str, point.attributes.values())) for point in run.traced.sink.metrics()}
    wanted = {
        (one.name, *values)
        for one in conformance.metrics().values()
        if one.attributes and all(attribute.values for attribute in one.attributes)
        for values in product(*(attribute.values for attribute in one.attributes))
    }
    assert sorted(wanted - series) == []
    assert len(wanted) > 25


def test_every_span_comes_from_the_service_that_is_listed(run: EventfulRun):
    for listed_span in conformance.spans():
        services = {span.service for span in run.traced.sink.spans() if listed_span.names(span.name)}
        if listed_span.service.startswith("parkstream-"):
            assert services == {listed_span.service}, listed_span.name


def test_an_attempt_that_failed_is_an_error_and_a_summary_is_delivered_once(run: EventfulRun):
    attempts = run.traced.spans().named("deliver attempt")
    assert {span.status for span in attempts} == {"ERROR"}
    writes = [span for span in run.traced.spans().named("write") if span.attributes.get("parking.item.status")]
    assert {span.attributes["parking.item.status"] for span in writes} >= {"written", "conflict"}
    pairs = [(one["visit_id"], one["revision"]) for one in run.pipeline.lines()]
    assert len(pairs) == len(set(pairs))


def test_lines_about_a_message_or_a_summary_name_its_trace(run: EventfulRun):
    spans = {span.span_id: span for span in run.traced.sink.spans()}
    about = {"record.dead_lettered": "process", "deliver.parked": "deliver"}
    for log in run.traced.sink.logs():
        if log.event in about:
            assert spans[log.span_id].name.startswith(about[log.event])
            assert spans[log.span_id].trace_id == log.trace_id
        assert log.attributes["event.name"] == log.event
    refused = next(log for log in run.traced.sink.logs() if log.event == "record.dead_lettered")
    assert f"reason={refused.attributes['parking.reason']}" in refused.body
