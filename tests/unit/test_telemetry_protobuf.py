"""Spans encoded by hand are what the SDK would have sent."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode
from parkstream_telemetry import context_of, protobuf, span_context_of
from parkstream_telemetry.tracer import EncodingTracer

PARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
OTHER = "00-11111111111111111111111111111111-2222222222222222-01"
STARTED, ENDED, HAPPENED = 1_700_000_000_000_000_001, 1_700_000_000_000_000_999, 1_700_000_000_000_000_500

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
values = texts | numbers | st.booleans() | st.lists(texts, max_size=5)
attributes = st.dictionaries(texts.filter(bool), values, max_size=8)
kinds = st.sampled_from(list(SpanKind))


def made(tracer, name, kind, given):
    """Make the same span with any tracer."""
    span = tracer.start_span(name, context_of(PARENT), kind, given, [Link(span_context_of(OTHER), given)], STARTED)
    span.add_event("happened", given, HAPPENED)
    span.set_status(StatusCode.ERROR, "why")
    span.end(ENDED)


def by_sdk(name, kind, given):
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    made(provider.get_tracer("parkstream"), name, kind, given)
    return encode_spans(exporter.get_finished_spans()).resource_spans[0].scope_spans[0].spans[0]


def by_hand(name, kind, given):
    taken = []
    made(EncodingTracer(taken.append, strict=False), name, kind, given)
    return decoded(taken)[0]


def decoded(encoded):
    request = ExportTraceServiceRequest.FromString(protobuf.request(b"", b"", "", encoded))
    return request.resource_spans[0].scope_spans[0].spans


@given(texts, kinds, attributes)
@example("n" * 20_000, SpanKind.CLIENT, {"long": "x" * 20_000, "least": -(2**63), "zero": 0, "no": False, "none": []})
def test_a_span_is_encoded_as_the_sdk_does(name, kind, given):
    ours, sdks = by_hand(name, kind, given), by_sdk(name, kind, given)
    ours.span_id = sdks.span_id = b"12345678"
    assert ours.flags == sdks.flags | 1  # The SDK leaves out that the span is sampled.
    ours.flags = sdks.flags
    assert ours == sdks


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16_383, 16_384, 2**32, 2**64 - 1])
def test_lengths_are_encoded_as_protobuf_does(number):
    encoded = protobuf.varint(number)
    assert sum((byte & 127) << 7 * place for place, byte in enumerate(encoded)) == number
    assert [byte >> 7 for byte in encoded] == [1] * (len(encoded) - 1) + [0]


def test_what_is_no_number_is_still_sent():
    (sent,) = by_hand("name", SpanKind.CLIENT, {"nan": math.nan}).attributes
    assert math.isnan(sent.value.double_value)


def test_a_text_that_is_no_unicode_is_sent_as_far_as_it_is():
    (sent,) = by_hand("name", SpanKind.CLIENT, {"text": "a\ud800b"}).attributes
    assert sent.value.string_value == "a?b"


def test_nothing_is_not_sent():
    assert not by_hand("name", SpanKind.CLIENT, {"nothing": None}).attributes


def test_a_span_without_a_parent_begins_a_trace():
    taken = []
    tracer = EncodingTracer(taken.append, strict=False)
    first, second = tracer.start_span("a", Context()), tracer.start_span("b", Context())
    first.end()
    second.end()
    spans = decoded(taken)
    assert [span.parent_span_id for span in spans] == [b"", b""]
    assert spans[0].trace_id != spans[1].trace_id
