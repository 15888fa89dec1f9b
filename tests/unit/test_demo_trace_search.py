"""``parkstream trace`` finds a visit or a plate among kept spans and follows links; else it says what to do."""

import json

import pytest
from kept_spans import alone, batched, kept, span
from parkstream_cli.errors import ToolError, exit_code_of
from parkstream_cli.trace import NoSpansError, NoTraceError, Sources, ask, trace
from parkstream_devtools.otlp.span_file import SpanFile
from parkstream_devtools.pipeline.settings import PLATE_KEY
from parkstream_service.unreachable import UnreachableError
from parkstream_telemetry.kept_spans import NotSpansError, kept_spans, older_half
from parkstream_telemetry.plates import plate_hash, plate_key

NOWHERE = "redis://127.0.0.1:9"
ENTERED = "parking.events:vehicle.entered"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "spans.jsonl"


def visit(plate, entry):
    """Return an exit's trace that links to its entry's."""
    entered = [
        span(entry, f"publish {ENTERED}", -60_000, 1),
        span(entry, f"process {ENTERED}:parking.entries", -59_999, 1, "publish", vehicle__plate_hash=hashed(plate)),
    ]
    left = span(plate, "project", 3, 1, vehicle__plate_hash=hashed(plate))
    return [*alone(plate, 20, links=[(entry, "publish")]), left, *entered]


def hashed(plate):
    return plate_hash(plate, plate_key(PLATE_KEY))


def only(file):
    return Sources(spans_file=file, plate_hash_key=PLATE_KEY, visits_of=forgetful)


async def forgetful(plate):
    raise UnreachableError(NOWHERE, f"nobody remembers {plate}")


def ids(found):
    return [(one.trace.trace_id, one.linked_by) for one in found]


def test_a_visit_is_found_by_its_id_and_its_entry_by_the_link(file):
    kept(file, *visit("OUT", "in"), *visit("OTHER", "also-in"))
    assert ids(ask("exit:OUT", only(file))) == [("OUT", None), ("in", "OUT")]


def test_a_car_is_found_by_its_plate_as_it_is_written_anywhere(file):
    kept(file, *visit("ABC1234", "in"), *visit("OTHER", "also-in"))
    assert ids(ask("abc-1234", only(file))) == [("ABC1234", None), ("in", "ABC1234")]


def test_all_visits_of_a_plate_are_found_in_the_order_in_which_they_began(file):
    later = [span("B", "write", 9_000, 1, visit__id="exit:B", vehicle__plate_hash=hashed("XY1"))]
    kept(file, *later, span("A", "write", 0, 1, visit__id="exit:A", vehicle__plate_hash=hashed("XY1")))
    assert ids(ask("XY1", only(file))) == [("A", None), ("B", None)]


def test_a_trace_is_found_by_its_id(file):
    kept(file, *visit("a" * 32, "in"), *visit("b" * 32, "also-in"))
    assert ids(ask("a" * 32, only(file))) == [("a" * 32, None), ("in", "a" * 32)]
    with pytest.raises(NoTraceError, match="only the newest spans are kept"):
        ask("c" * 32, only(file))


def test_the_request_that_carried_a_summary_is_part_of_its_trace(file):
    kept(file, span("request", "POST /v1/summaries", 6, 10), *batched("OUT", 20, "request"))
    (found,) = ask("exit:OUT", only(file))
    assert [one.trace_id for one in found.trace.requests] == ["request"]


def test_who_keeps_no_spans_is_told_how(file):
    with pytest.raises(NoSpansError, match=r"python -m parkstream_devtools sink --keep"):
        ask("exit:OUT", only(file))


def test_a_plate_that_is_not_found_names_what_was_tried(file):
    kept(file, *visit("OUT", "in"))
    with pytest.raises(NoTraceError) as told:
        ask("NOBODY", only(file))
    assert "PARKSTREAM_PLATE_HASH_KEY" in str(told.value)
    assert f"{NOWHERE}: nobody remembers NOBODY" in str(told.value)


def test_what_can_be_no_plate_is_not_asked_for(file):
    kept(file, *visit("OUT", "in"))
    with pytest.raises(NoTraceError) as told:
        ask("exit:somewhere-else", only(file))
    assert NOWHERE not in str(told.value)


def test_a_file_of_something_else_is_not_taken_for_spans(file):
    file.write_text("{}\n")
    with pytest.raises(NotSpansError):
        ask("exit:OUT", only(file))


def test_a_line_that_is_being_written_is_not_read_yet(file):
    kept(file, *alone("OUT", 20))
    with file.open("a") as more:
        more.write('{"trace_id":')
    assert len(list(kept_spans(file))) == 6


def test_kept_spans_are_bounded_and_the_newest_stay(file):
    writer = SpanFile(file, bytes_max=10_000)
    for number in range(100):
        writer.add(alone(f"{number}", 20))
    writer.close()
    found = list(kept_spans(file))
    assert file.stat().st_size + older_half(file).stat().st_size < 30_000
    assert found[-1].trace_id == "99"
    assert [int(one.trace_id) for one in found] == sorted(int(one.trace_id) for one in found)


@pytest.fixture
def environ(monkeypatch):
    monkeypatch.setattr("os.environ", {"PARKSTREAM_REDIS_URL": NOWHERE})


@pytest.mark.usefixtures("environ")
def test_the_command_prints_one_object_for_scripts(file, capsys):
    kept(file, *visit("OUT", "in"))
    trace("exit:OUT", spans=file, json=True)
    first, second = json.loads(capsys.readouterr().out)["traces"]
    assert (first["trace_id"], first["visit_id"], first["e2e_duration_ms"]) == ("OUT", "exit:OUT", 20.0)
    assert (second["linked_by"], second["visit_id"]) == ("OUT", None)
    assert list(first["trace"][0]) == ["service", "span", "parent", "offset_ms", "duration_ms"]


@pytest.mark.usefixtures("environ")
def test_the_command_draws_what_it_found(file, capsys):
    kept(file, *visit("OUT", "in"))
    trace("exit:OUT", spans=file)
    told = capsys.readouterr().out
    assert "exit:OUT, completed, 20.0 ms from the camera to the disk, trace OUT" in told
    assert "linked from the trace above: trace in" in told


@pytest.mark.usefixtures("environ")
def test_the_command_exits_with_1_when_there_is_nothing_to_show(file):
    with pytest.raises(ToolError, match="no spans are kept in ") as raised:
        trace("exit:OUT", spans=file)
    assert exit_code_of(raised.value) == 1
