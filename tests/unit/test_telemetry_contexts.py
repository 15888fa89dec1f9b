"""A trace context survives as text, and nonsense is no context."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import INVALID_SPAN, NonRecordingSpan, SpanContext, TraceFlags, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from parkstream_telemetry import context_of, links_to, span_context_of, traceparent_of

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.sampled_from([0, 1]))
def test_text_and_context_say_the_same_as_the_standard_propagator(trace_id, span_id, sampled):
    span = NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(sampled)))
    text = traceparent_of(span)
    expected = get_current_span(TraceContextTextMapPropagator().extract({"traceparent": text})).get_span_context()
    assert span_context_of(text) == expected
    assert get_current_span(context_of(text)).get_span_context() == expected


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "nonsense",
        TRACEPARENT[:-1],
        TRACEPARENT + "0",
        TRACEPARENT.upper(),
        "ff" + TRACEPARENT[2:],
        TRACEPARENT.replace("-", "_"),
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473+-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e47_6-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473 -00f067aa0ba902b7-01",
    ],
)
def test_what_is_no_traceparent_names_no_span(text):
    assert span_context_of(text) is None
    assert context_of(text) is None
    assert links_to(text) == []


def test_a_later_version_is_read_by_what_it_shares_with_ours():
    assert span_context_of("01" + TRACEPARENT[2:]) == span_context_of(TRACEPARENT)


def test_a_span_that_is_none_has_no_traceparent():
    assert traceparent_of(INVALID_SPAN) is None
