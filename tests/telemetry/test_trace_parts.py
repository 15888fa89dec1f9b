"""A summary is posted with its trace context, and only what is emitted leaves a span."""

from types import SimpleNamespace
from typing import NamedTuple

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parkstream_backend.deliver.batch import DeliveryBatch
from parkstream_backend.deliver.summary_client import UnavailableError
from parkstream_backend.project.follower import ProjectSpans
from parkstream_devtools.otlp.sink import Sink
from parkstream_events.summaries import ItemResult, ItemStatus, Outcome, SummaryItem
from parkstream_events.wire import encode
from parkstream_telemetry import TelemetryOptions, start
from parkstream_visits import Emitted
from parkstream_visits.plate_visits import EXIT, PlateSighting
from summary_items import item
from traces import new_traceparent

OLD = new_traceparent()
UNTRACED = SimpleNamespace(tracing=False)
NASTY = st.text(min_size=1) | st.sampled_from(
    [f'"traceparent":"{OLD}"', '"traceparent":', '\\"traceparent":"', "é\n\\"]
)


class Waiting(NamedTuple):
    id: str
    key: str
    revision: int
    item: bytes
    projected_at_us: int = 0
    traceparent: str | None = None


@pytest.fixture
def sink():
    with Sink() as made:
        yield made


@pytest.fixture
def telemetry(monkeypatch, sink):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint)
    made = start(TelemetryOptions(service="tests", plate_hash_key="k", statistics_seconds=0, strict=True))
    yield made
    made.shutdown()


@given(NASTY, NASTY, st.sampled_from([OLD, None]), st.integers(0, 2**53) | st.none())
def test_an_item_is_posted_with_its_context_and_nothing_else_is_changed(visit_id, plate, before, published_at_us):
    summary = item(visit_id=visit_id, vehicle_plate=plate, traceparent=None, published_at_us=published_at_us)
    encoded = encode(summary)
    batch = DeliveryBatch.of([Waiting("7-0", visit_id, 1, encoded, traceparent=before)], UNTRACED, ("localhost", 1))
    assert batch.traceparent == before
    (posted,) = batch.items
    assert msgspec.json.decode(posted) == {**msgspec.json.decode(encoded), "traceparent": before}


def spoken(position: int) -> Emitted:
    cause = PlateSighting(1, EXIT, f"x{position}", 0, position, 0, "", None, OLD)
    return Emitted("CAR", f"exit:x{position}", 1, Outcome.COMPLETED, None, cause, cause, position, None)


def test_only_what_is_emitted_leaves_a_span(telemetry, sink):
    spans = ProjectSpans(telemetry)
    spans.begin()
    contexts = [spans.emitted(spoken(position)) for position in (1, 2, 3)]
    spans.committed(2)
    spans.begin()
    spans.emitted(spoken(4))
    spans.committed(0)
    spans.emitted(spoken(5))  # Another backend was first.
    spans.begin()
    telemetry.shutdown()
    assert [span.span_id for span in sink.spans()] == [str(context)[36:52] for context in contexts[1:]]
    assert {span.parent_span_id for span in sink.spans()} == {OLD[36:52]}


def test_what_is_said_again_begins_a_trace_that_links_to_the_one_of_its_cause(telemetry, sink):
    spans = ProjectSpans(telemetry)
    spans.begin()
    context = str(spans.emitted(spoken(1)._replace(restated=True, revision=2)))
    spans.emitted(spoken(2)._replace(restated=True, cause=spoken(2).cause._replace(traceparent=None)))
    spans.committed(2)
    telemetry.shutdown()
    again, alone = sink.spans()
    assert (again.parent_span_id, alone.parent_span_id) == ("", "")
    assert context[3:35] == again.trace_id != OLD[3:35]
    assert [(link.trace_id, link.span_id) for link in again.links] == [(OLD[3:35], OLD[36:52])]
    assert alone.links == []


def test_a_fold_that_failed_says_why_once(telemetry, sink):
    spans = ProjectSpans(telemetry)
    spans.begin()
    for position in (1, 2):
        spans.emitted(spoken(position))
    spans.failed(ConnectionError("Redis is away"))
    telemetry.shutdown()
    assert [span.status for span in sink.spans()] == ["ERROR", "ERROR"]
    assert sum(len(span.events) for span in sink.spans()) == 1


def test_what_is_halved_keeps_its_spans(telemetry, sink):
    summaries: list[SummaryItem] = [item(number, traceparent=new_traceparent()) for number in range(4)]
    entries = [
        Waiting(f"{number}-0", one.visit_id, 1, encode(item(number)), traceparent=one.traceparent)
        for number, one in enumerate(summaries)
    ]
    batch = DeliveryBatch.of(entries, telemetry, ("localhost", 8000))
    assert batch.traceparent is None
    for half in batch.halves():
        half.failed(UnavailableError("away"))
        half.failed(UnavailableError("still away"))
        half.answered([ItemResult(visit_id="v", revision=1, status=ItemStatus.WRITTEN)] * 2)
    telemetry.shutdown()
    spans = sink.spans()
    assert [span.trace_id for span in spans] == [str(one.traceparent)[3:35] for one in summaries]
    assert [span.attributes["http.request.resend_count"] for span in spans] == [2] * 4
    assert [len(span.events) for span in spans] == [1] * 4
    lone, _ = batch.halves()[0].halves()
    assert str(lone.traceparent)[36:52] == spans[0].span_id
