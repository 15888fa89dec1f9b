"""A story's traces come from SigNoz where none are kept, by one question that only reads."""

from datetime import UTC, datetime

import pytest
from fake_signoz import API_KEY, FakeSigNoz
from kept_spans import alone, kept
from parkstream_console.search.car_traces import CarTraces
from parkstream_console.search.signoz_traces import PATH, SPANS_MAX, SignozTraces
from parkstream_telemetry.received_span import ReceivedSpan

EXIT, ENTRY, FOREIGN = (f"{number:032x}" for number in (1, 2, 3))


@pytest.fixture
def fake():
    with FakeSigNoz() as fake:
        fake.spans = [row_of(one) for trace in (EXIT, ENTRY, FOREIGN) for one in alone(trace, 20.0)]
        yield fake


def row_of(span: ReceivedSpan):
    """Return *span* as SigNoz gives it, to the nanosecond."""
    return {
        "timestamp": f"{datetime.fromtimestamp(span.start_us / 1e6, UTC):%Y-%m-%dT%H:%M:%S.%f}123Z",
        "data": {
            "trace_id": span.trace_id,
            "span_id": span.span_id,
            "parent_span_id": span.parent_span_id,
            "name": span.name,
            "service.name": span.service,
            "duration_nano": (span.end_us - span.start_us) * 1_000,
            "has_error": False,
            "http_url": "not asked for",
        },
    }


def recorded_us() -> list[int]:
    return [alone(EXIT, 20.0)[0].start_us]


async def asked(fake, key=API_KEY[1], file=None, times_us=None):
    signoz = SignozTraces(fake.url, key)
    async with signoz.client:
        return await CarTraces(file, signoz).of([EXIT, ENTRY], times_us or recorded_us())


async def test_the_traces_that_are_asked_for_are_drawn_and_no_others(fake, tmp_path):
    found = await asked(fake)
    of_file = await CarTraces(kept(tmp_path / "spans.jsonl", *alone(EXIT, 20.0), *alone(ENTRY, 20.0))).of(
        [EXIT, ENTRY], []
    )
    assert sorted(found.spans, key=repr) == sorted(of_file.spans, key=repr)
    assert len(found.spans) == 2 * len(alone(EXIT, 20.0))
    assert fake.calls == []


async def test_spans_that_are_kept_are_enough(fake, tmp_path):
    found = await asked(fake, key="none that is known", file=kept(tmp_path / "spans.jsonl", *alone(EXIT, 20.0)))
    assert len(found.spans) == len(alone(EXIT, 20.0))


async def test_what_is_long_before_or_after_is_not_looked_for(fake):
    found = await asked(fake, times_us=[recorded_us()[0] + 7 * 86_400_000_000])
    assert found.spans == []
    assert "SigNoz has none of its spans" in found.problem


async def test_a_key_that_is_refused_is_named_and_not_tried_again_for_a_while(fake):
    signoz = SignozTraces(fake.url, "none that is known")
    async with signoz.client:
        for _ in range(2):
            found = await CarTraces(None, signoz).of([EXIT], recorded_us())
            assert "HTTP 401" in found.problem
            assert "none that is known" not in found.problem
            fake.gateway_page = "<html>"  # Would be answered with 502.


async def test_what_is_no_signoz_is_named(fake):
    fake.gateway_page = "<html>a proxy</html>"
    assert "SigNoz does not answer" in (await asked(fake)).problem


async def test_an_answer_has_a_bound(fake):
    fake.spans = [row_of(one) for _ in range(SPANS_MAX) for one in alone(EXIT, 20.0)]
    assert len((await asked(fake)).spans) <= SPANS_MAX


def test_the_question_goes_where_what_only_reads_is_answered():
    assert PATH == "/api/v5/query_range"
