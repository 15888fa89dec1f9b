"""A waterfall tells where one car's time went; of many cars, the right two are shown."""

import io

import pytest
from kept_spans import EXITED, STEPS, alone, batched, kept, span
from parkstream_cli.console import PlainConsole
from parkstream_cli.demo import draw_examples
from parkstream_cli.trace import draw
from parkstream_devtools.pipeline.kept_files import SPANS_FILE, keep_spans
from parkstream_devtools.pipeline.kept_place import own_place
from parkstream_devtools.pipeline.trace_receiver import Tracing, tracing
from parkstream_telemetry.kept_spans import older_half
from parkstream_telemetry.kept_traces.car_trace import CarTrace
from parkstream_telemetry.kept_traces.examples import examples_in
from parkstream_telemetry.kept_traces.waterfall import Row, short, waterfall


def console():
    return PlainConsole(file=io.StringIO(), width=80)


def drawn(trace):
    out = console()
    draw(trace, "One car", out)
    return out.file.getvalue().splitlines()


def test_a_waterfall_is_ordered_by_when_its_spans_began():
    rows = waterfall(CarTrace("a", alone("a", 20)))
    assert [row.span for row in rows] == STEPS
    assert [row.parent for row in rows] == [None, *STEPS[:-1]]
    assert rows[0] == Row("parkstream-exit-generator", f"publish {EXITED}", None, 0.0, 1.5)
    assert rows[-1] == Row("parkstream-summary-api", "write", "POST /v1/summaries", 19.0, 1.0)


def test_what_began_at_once_stands_below_what_it_is_part_of():
    spans = [
        span("a", "write", 0, 1, "POST"),
        span("a", "POST /v1/summaries", 0, 2, "deliver"),
        span("a", "deliver", 0, 3),
    ]
    assert [row.span for row in waterfall(CarTrace("a", spans))] == ["deliver", "POST /v1/summaries", "write"]


def test_a_span_whose_parent_did_not_come_has_none():
    (row,) = waterfall(CarTrace("a", [span("a", "write", 7, 1, "POST")]))
    assert (row.parent, row.offset_ms) == (None, 0.0)


def test_a_bar_begins_and_ends_where_its_span_does():
    title, _, *rows = drawn(CarTrace("a", alone("a", 20)))
    assert title == "One car"
    assert [row.split()[1] for row in rows] == ["publish", "process", "project", "deliver", "POST", "write"]
    assert "publish vehicle.exited" in rows[0]
    assert "19.0" in rows[-1]
    begins = [row.index(next(sign for sign in row if sign in "█▐▕▏▎▍▌▋▊▉")) for row in rows]
    assert begins == sorted(begins)
    assert begins[0] < begins[-1]
    assert all(len(row) <= 80 for row in rows)


def test_what_took_no_time_is_drawn_too():
    rows = drawn(CarTrace("a", [span("a", "publish x", 0, 1000), span("a", "write", 1000, 0, "publish")]))
    assert rows[-1].rstrip()[-1] in "█▐▕▏▎▍▌▋▊▉"


def test_a_name_is_shown_without_exchange_and_queue():
    assert short(STEPS[1]) == "process vehicle.exited"
    assert short("POST /v1/summaries") == "POST /v1/summaries"
    assert short("write") == "write"


def test_of_many_cars_one_in_the_middle_and_the_slowest_are_examples_in(tmp_path):
    spans = [one for took_ms in (10, 30, 20) for one in alone(f"{took_ms}", took_ms)]
    found = examples_in(kept(tmp_path / SPANS_FILE, *spans))
    assert (found.typical.trace_id, found.slowest.trace_id) == ("20", "30")
    out = console()
    draw_examples(found, out)
    assert "One car: exit:20, completed, 20.0 ms from the camera to the disk" in out.file.getvalue()
    assert "The slowest: exit:30" in out.file.getvalue()


def test_the_one_in_the_middle_travelled_alone_if_one_did(tmp_path):
    request = span("request", "POST /v1/summaries", 6, 20)
    spans = [request, *(one for took_ms in (25, 26, 27) for one in batched(f"{took_ms}", took_ms, "request"))]
    file = kept(tmp_path / SPANS_FILE, *spans)
    assert examples_in(file).typical.trace_id == "26"
    assert examples_in(kept(file, *alone("12", 12))).typical.trace_id == "12"


def test_a_summary_among_others_is_shown_with_the_request_that_carried_it(tmp_path):
    request = span("request", "POST /v1/summaries", 6, 20)
    found = examples_in(kept(tmp_path / SPANS_FILE, request, *batched("27", 27, "request")))
    rows = waterfall(found.slowest)
    assert [row.span for row in rows] == STEPS
    assert [row.parent for row in rows[-2:]] == [None, "deliver"]
    assert "(batch) POST /v1/summaries" in drawn(found.slowest)[-2]


@pytest.mark.parametrize(
    "said",
    [{"pending": True}, {"outcome": "entry_missed"}, {"item__status": "duplicate"}],
    ids=lambda said: next(iter(said)),
)
def test_what_was_pending_missed_or_repeated_is_no_example(said, tmp_path):
    assert examples_in(kept(tmp_path / SPANS_FILE, *alone("1", 10, **said))) is None


def environ_of(environ, tmp_path):
    said = []
    with tracing(environ, tmp_path / SPANS_FILE, said.append) as traced:
        return traced, said


def test_spans_are_kept_by_the_demo_when_nobody_else_is_named(tmp_path):
    traced, said = environ_of({"OTEL_BSP_SCHEDULE_DELAY": "1"}, tmp_path)
    assert traced.environ["OTEL_EXPORTER_OTLP_ENDPOINT"].startswith("http://127.0.0.1:")
    assert (traced.file, said) == (tmp_path / SPANS_FILE, [])


def test_a_receiver_that_the_environment_names_is_used_instead(tmp_path):
    environ = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4317", "OTEL_SERVICE_NAME": "mine", "HOME": "/"}
    traced, said = environ_of(environ, tmp_path)
    assert traced == Tracing({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4317"})
    assert "http://there:4317" in said[0]


def test_who_wants_no_telemetry_gets_none(tmp_path):
    assert environ_of({"OTEL_SDK_DISABLED": "true"}, tmp_path) == (Tracing({"OTEL_SDK_DISABLED": "true"}), [])


def test_without_a_receiver_the_demo_goes_on(tmp_path):
    traced, said = environ_of({}, tmp_path / "missing")
    assert traced == Tracing({})
    assert said[0].startswith("no traces: ")


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return own_place()


def test_the_spans_of_the_last_demo_stay_where_they_are_looked_for(place, tmp_path):
    old = kept(place / SPANS_FILE, *alone("1", 10)), kept(older_half(place / SPANS_FILE), *alone("0", 10))
    keep_spans(kept(tmp_path / SPANS_FILE, *alone("2", 10)), place, moved=True)
    assert '"2-write"' in old[0].read_text()
    assert not old[1].exists()
    assert not (tmp_path / SPANS_FILE).exists()


def test_the_spans_of_a_kept_demo_are_found_too(place, tmp_path):
    file = kept(tmp_path / SPANS_FILE, *alone("3", 10))
    keep_spans(file, place, moved=False)
    assert (place / SPANS_FILE).resolve() == file
