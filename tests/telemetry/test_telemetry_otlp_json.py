"""What the collector's file exporter writes is read like what the sink keeps."""

import json

import pytest
from parkstream_telemetry.kept_spans import NotSpansError, kept_spans, older_half
from parkstream_telemetry.received_span import ReceivedEvent, ReceivedLink, ReceivedSpan

TRACE, SPAN, PARENT, OTHER = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173", "a" * 32
LISTED = {"arrayValue": {"values": [{"stringValue": "a"}, {"boolValue": False}]}}
MAPPED = {"kvlistValue": {"values": [{"key": "deep", "value": {"doubleValue": 0.5}}]}}
WHOLE = {
    "traceId": TRACE,
    "spanId": SPAN,
    "parentSpanId": PARENT,
    "flags": 257,
    "name": "write",
    "kind": 2,
    "startTimeUnixNano": "1544712660000000999",
    "endTimeUnixNano": "1544712661000000000",
    "attributes": [
        {"key": "text", "value": {"stringValue": ""}},
        {"key": "count", "value": {"intValue": "-9007199254740993"}},
        {"key": "listed", "value": LISTED},
        {"key": "mapped", "value": MAPPED},
        {"key": "nothing", "value": {}},
    ],
    "events": [{"timeUnixNano": "1", "name": "seen", "attributes": [{"key": "e", "value": {"doubleValue": 0}}]}],
    "links": [{"traceId": OTHER, "spanId": PARENT}],
    "status": {"code": 2, "message": "no"},
}
BARE = {"traceId": TRACE, "spanId": PARENT, "name": "bare", "startTimeUnixNano": "0", "endTimeUnixNano": "0"}


def line(*spans):
    """Return a request as the exporter writes it."""
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "camera"}}]}
    scoped = {"resource": resource, "scopeSpans": [{"scope": {}, "spans": spans}], "schemaUrl": "https://…"}
    return json.dumps({"resourceSpans": [scoped]}, separators=(",", ":")) + "\n"


def test_a_span_says_the_same_as_over_the_wire(tmp_path):
    file = tmp_path / "spans.jsonl"
    file.write_text(line(WHOLE, BARE), encoding="utf-8")
    whole, bare = kept_spans(file)
    assert whole == ReceivedSpan(
        trace_id=TRACE,
        span_id=SPAN,
        parent_span_id=PARENT,
        service="camera",
        name="write",
        kind="SERVER",
        start_us=1_544_712_660_000_000,
        end_us=1_544_712_661_000_000,
        status="ERROR",
        attributes={
            "text": "",
            "count": -9_007_199_254_740_993,
            "listed": ["a", False],
            "mapped": {"deep": 0.5},
            "nothing": None,
        },
        links=[ReceivedLink(OTHER, PARENT)],
        events=[ReceivedEvent("seen", {"e": 0.0})],
    )
    assert (bare.kind, bare.status, bare.parent_span_id, bare.attributes) == ("UNSPECIFIED", "UNSET", "", {})


def test_what_was_in_the_file_before_comes_first(tmp_path):
    dated = [f"spans-2026-11-29T0{hour}-00-00.000" for hour in (8, 9)]
    for nth, name in enumerate(["spans.older", *dated, "spans"]):
        (tmp_path / f"{name}.jsonl").write_text(line(BARE | {"name": f"{nth}"}), encoding="utf-8")
    assert older_half(tmp_path / "spans.jsonl").exists()
    assert [span.name for span in kept_spans(tmp_path / "spans.jsonl")] == ["0", "1", "2", "3"]


def test_a_request_that_is_being_written_is_left_for_the_next_time(tmp_path):
    file = tmp_path / "spans.jsonl"
    file.write_text("\n" + line(WHOLE) + line(BARE)[:-1], encoding="utf-8")
    assert [span.name for span in kept_spans(file)] == ["write"]


@pytest.mark.parametrize("bad", ['{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}', '{"resourceSpans":1}'])
def test_what_is_no_request_is_refused(tmp_path, bad):
    file = tmp_path / "spans.jsonl"
    file.write_text(bad + "\n", encoding="utf-8")
    with pytest.raises(NotSpansError, match="holds something else than spans"):
        list(kept_spans(file))
