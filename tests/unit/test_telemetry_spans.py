"""Spans: what a step is called, who its parent is, and that an error is told once."""

import pytest
from opentelemetry.context import attach, detach
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import INVALID_SPAN, StatusCode, get_current_span, set_span_in_context
from parkstream_devtools.otlp.received import spans_of
from parkstream_telemetry import conformance, end, links_to, protobuf, traceparent_of
from parkstream_telemetry.sdk_spans import Queued
from parkstream_telemetry.steps import Steps, destination_of
from parkstream_telemetry.tracer import EncodingTracerProvider

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOT_SAMPLED = PARENT[:-1] + "0"


class Ours:
    """Takes what our tracer emits."""

    def __init__(self):
        self._encoded = []
        self.tracer = EncodingTracerProvider(self._encoded.append, strict=False).get_tracer("parkstream")
        self.steps = Steps(self.tracer)

    @property
    def spans(self):
        return list(spans_of(ExportTraceServiceRequest.FromString(protobuf.request(b"", b"", "", self._encoded))))

    @property
    def span(self):
        (span,) = self.spans
        return span


class Sdks(Ours):
    """Takes what the SDK's tracer emits."""

    def __init__(self):
        self._ended = []
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(Queued(self._ended.append, strict=False))
        self.tracer = provider.get_tracer("parkstream")
        self.steps = Steps(self.tracer)

    @property
    def spans(self):
        return list(spans_of(encode_spans(self._ended)))


@pytest.fixture(params=[Ours, Sdks])
def told(request):
    return request.param()


def test_every_step_is_listed(told):
    steps = told.steps
    end(steps.publish("parking.events", "vehicle.entered", message_id="a", body_size=3))
    end(steps.process("parking.events", "vehicle.entered", "parking.entries", PARENT, redelivered=True), outcome="new")
    end(steps.project(PARENT, position=7))
    end(steps.deliver(PARENT, visit_id="v", revision=1, outbox_id="7-0", batch_count=1), status_code=200)
    end(steps.post("/v1/summaries", PARENT, batch_count=1), status_code=200)
    end(steps.write(PARENT, visit_id="v", revision=1), e2e_duration_ms=1.5)
    assert [conformance.span_problem(one.name, one.kind, one.attributes) for one in told.spans] == [None] * 6
    assert [one.name for one in told.spans] == [
        "publish parking.events:vehicle.entered",
        "process parking.events:vehicle.entered:parking.entries",
        "project",
        "deliver",
        "POST /v1/summaries",
        "write",
    ]


def test_a_step_is_a_child_of_the_span_that_a_traceparent_names(told):
    end(told.steps.project(PARENT))
    assert (told.span.trace_id, told.span.parent_span_id) == (PARENT[3:35], PARENT[36:52])


def test_a_step_without_a_parent_begins_a_trace(told):
    end(told.steps.project(None))
    assert told.span.parent_span_id == ""


def test_a_step_links_to_others(told):
    end(told.steps.write(None, links=links_to(PARENT, None)))
    (link,) = told.span.links
    assert (link.trace_id, link.span_id) == (PARENT[3:35], PARENT[36:52])


def test_a_span_under_one_that_is_not_sampled_is_not_told_but_carried_on(told):
    span = told.steps.project(NOT_SAMPLED)
    end(span)
    assert told.spans == []
    assert traceparent_of(span).startswith(NOT_SAMPLED[:36])
    assert traceparent_of(span).endswith("-00")


def test_a_span_is_told_once(told):
    span = told.steps.project(PARENT)
    span.end()
    span.end()
    assert not span.is_recording()
    assert told.span.name == "project"


def test_what_is_said_last_counts(told):
    end(told.steps.deliver(PARENT, revision=1), method="PUT", revision=2)
    assert told.span.attributes == {"http.request.method": "PUT", "parking.visit.revision": 2}


def test_times_may_be_given(told):
    end(told.steps.project(PARENT, started_ns=5_000), ended_ns=9_000)
    assert (told.span.start_us, told.span.end_us) == (5, 9)


def test_while_nothing_is_traced_a_step_is_no_span():
    steps = Steps(None)
    spans = [
        steps.publish("e", "k"),
        steps.process("e", "k", "q", PARENT),
        steps.project(PARENT),
        steps.deliver(PARENT),
        steps.post("/", PARENT),
        steps.write(PARENT),
    ]
    assert spans == [INVALID_SPAN] * 6
    end(spans[0], error=ValueError("x"), outcome="y")


def test_an_error_is_told_at_the_step_where_it_happened(told):
    outer, inner = told.steps.deliver(PARENT), told.steps.write(PARENT)
    try:
        raise ConnectionError("gone")  # noqa: TRY301
    except ConnectionError as error:
        end(inner, error=error)
        end(outer, error=error)
    (event,) = [event for span in told.spans for event in span.events]
    assert event in told.spans[0].events
    assert event.attributes["exception.type"] == "ConnectionError"
    assert event.attributes["exception.message"] == "gone"
    assert "Traceback" in event.attributes["exception.stacktrace"]
    assert [span.status for span in told.spans] == ["ERROR", "ERROR"]
    assert [span.attributes["error.type"] for span in told.spans] == ["ConnectionError"] * 2


def test_the_interface_of_opentelemetry_holds(told):
    with told.tracer.start_as_current_span("outer", attributes={"a": 1}) as outer:
        assert get_current_span() is outer
        inner = told.tracer.start_span("inner")
        inner.set_attributes({"b": 2})
        inner.update_name("renamed")
        inner.set_status(StatusCode.OK)
        inner.end()
    first, second = told.spans
    assert (first.name, first.attributes, first.status) == ("renamed", {"b": 2}, "OK")
    assert first.parent_span_id == second.span_id
    assert second.name == "outer"


def test_a_span_that_has_ended_is_not_sent_again(told):
    span = told.tracer.start_span("once")
    span.end()
    span.end()
    assert not span.is_recording()
    assert told.span.name == "once"


def test_an_error_inside_the_current_span_ends_it_with_that_error(told):
    with pytest.raises(ValueError, match="wrong"), told.tracer.start_as_current_span("outer"):
        raise ValueError("wrong")
    assert told.span.status == "ERROR"
    assert [event.name for event in told.span.events] == ["exception"]


def test_a_span_begun_without_a_context_is_a_child_of_the_current_one(told):
    outer = told.tracer.start_span("outer")
    token = attach(set_span_in_context(outer))
    end(told.tracer.start_span("inner"))
    detach(token)
    assert told.span.parent_span_id == f"{outer.get_span_context().span_id:016x}"


@pytest.mark.parametrize(
    ("path", "destination"),
    [
        (("parking.events", "vehicle.entered"), "parking.events:vehicle.entered"),
        (("parking.events", "vehicle.entered", "parking.entries"), "parking.events:vehicle.entered:parking.entries"),
        (("", "parking.entries", "parking.entries"), "parking.entries"),
        (("parking.dead-letters", ""), "parking.dead-letters"),
        (("", ""), "amq.default"),
    ],
)
def test_a_destination_is_named_as_the_conventions_say(path, destination):
    assert destination_of(*path) == destination


def test_strange_routing_keys_do_not_pile_up(told):
    for number in range(1_000):
        end(told.steps.publish("e", f"key-{number}"))
    assert len(told.steps._known) <= 256
    assert len(told.spans) == 1_000
