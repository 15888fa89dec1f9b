"""Progress is a table on a terminal and plain lines elsewhere; the ending says what does not balance."""

import io
import re

import pytest
from parkstream_cli.console import PlainConsole
from parkstream_cli.demo import demo, print_result
from parkstream_cli.errors import ToolError
from parkstream_cli.live_figures import progress_on, spread
from parkstream_devtools.pipeline.account import Account, Line, Milliseconds
from parkstream_devtools.pipeline.kept_files import kept, kept_spans_file
from parkstream_devtools.pipeline.kept_place import PlaceError, own_place, usual_place
from parkstream_devtools.pipeline.run import Result, run
from parkstream_devtools.pipeline.settings import Options, of_entries, of_exits
from parkstream_devtools.pipeline.snapshots import Entries, Exits, Snapshot, State, Stats, published_by


def snapshot(at, published, dead=0, **state):
    state.setdefault("counters", {"entered": published, "exited": published // 2})
    gates = {"north": published - published // 3, "south": published // 3}
    return Snapshot(
        at=at,
        entries=Entries(
            published=published,
            running=state.pop("running", False),
            placeholder=state.pop("placeholder", 0),
            gates=gates,
        ),
        exits=Exits(published=published // 2, gates={"east": published // 2}),
        state=State(**state),
        stats=Stats(current={"completed": 3}, exit_to_disk_ms=Milliseconds(4.06, 9.0, 21.33)),
        queued=0,
        dead=dead,
    )


def console(*, terminal):
    return PlainConsole(file=io.StringIO(), force_terminal=terminal, width=100)


def test_elsewhere_a_line_is_printed_every_few_seconds_and_when_the_phase_changes():
    out = console(terminal=False)
    with progress_on(out) as show:
        for at in range(8):
            show(snapshot(0, 0), snapshot(at, 50 * at), f"driving, {7 - at} s to go")
        show(snapshot(0, 0), snapshot(8, 400), "settling")
    lines = out.file.getvalue().splitlines()
    assert [line.split(":")[0] for line in lines] == ["driving, 7 s to go", "driving, 2 s to go", "settling"]
    assert "entries 250 (50/s), exits 125 (25/s), north 167, south 83, east 125" in lines[1]
    assert "p50/p95/p99 4.1 / 9.0 / 21.3 ms" in lines[1]


def test_on_a_terminal_a_table_is_drawn_in_place():
    out = console(terminal=True)
    with progress_on(out) as show:
        show(snapshot(0, 0), snapshot(1, 50, inside=7), "driving")
    drawn = out.file.getvalue()
    assert "parkstream demo" in drawn
    assert "\x1b[" in drawn
    assert "completed" in drawn
    assert re.search(r"entry gates.*north.*34.*south.*16", re.sub(r"\x1b\[[0-9;]*m", "", drawn))


def test_nothing_measured_is_a_dash():
    assert spread(None) == spread(Milliseconds()) == "-"


@pytest.mark.parametrize(
    "waiting",
    [{"lag": 1}, {"pending": 1}, {"outbox_depth": 1}, {"running": True}, {"counters": {"entered": 9, "exited": 5}}],
)
def test_the_account_is_complete_when_nothing_moves_or_is_pending(waiting):
    assert snapshot(0, 10).settled
    assert not snapshot(0, 10, **waiting).settled


def test_a_read_without_a_plate_is_waited_for_among_the_dead_letters():
    recorded = {"entered": 8, "exited": 5}
    assert not snapshot(0, 10, dead=1, placeholder=2, counters=recorded).settled
    assert snapshot(0, 10, dead=2, placeholder=2, counters=recorded).settled


def test_what_the_cameras_published_is_told_by_what_it_must_become():
    exits = Exits(published=20, placeholder=1, matched=5, unmatched=2, misread=3, backdated=1, duplicate_read=8)
    published = published_by(Entries(published=9, placeholder=2, gates={"north": 9}), exits)

    assert (published.entries, published.exits, published.placeholders) == (7, 19, 3)
    assert (published.matched, published.unmatched, published.leaving) == (5, 6, 11)
    assert (published.entries_by_gate, published.exits_by_gate) == ({"north": 9}, {})


@pytest.mark.parametrize(("right", "verdict"), [(2, "balances"), (3, "DOES NOT")])
def test_the_ending_says_whether_it_balances_and_where_the_summaries_are(right, verdict):
    account = Account(
        entries_published=2,
        exits_published=2,
        entries_by_gate={"north": 2},
        exits_by_gate={"east": 2},
        duplicate_exit_reads=0,
        placeholders=0,
        completed=2,
        entry_missed=0,
        exit_missed=0,
        lines=2,
        missing=0,
        duplicated=0,
        matched_share=1.0,
        exit_to_disk_ms=Milliseconds(1.0, 2.0, 3.0),
        pending_exit_to_disk_ms=Milliseconds(),
        summary_file="/tmp/summaries.jsonl",
    )
    result = Result(account, [Line("exits = visits", 2, right)], ['{"visit_id":"[bold]"}'])
    out = console(terminal=False)
    print_result(result, out)
    printed = out.file.getvalue()
    assert verdict in printed
    assert "/tmp/summaries.jsonl" in printed
    assert '{"visit_id":"[bold]"}' in printed
    assert result.balanced is (verdict == "balances")


def test_a_demo_day_lasts_as_long_as_the_demo_drives():
    assert of_entries(Options(seconds=60))["PARKSTREAM_TIME_SCALE"] == "1440"


def test_a_demo_has_two_gates_each_way_and_a_fault_reaches_its_own():
    options = Options(faults=("south:delay=5", "east:skew=1", "ids=daily"))
    entries, exits = of_entries(options), of_exits(options)

    assert (entries["PARKSTREAM_GATES"], exits["PARKSTREAM_GATES"]) == ("north=0.6,south=0.4", "east=0.6,west=0.4")
    assert entries["PARKSTREAM_GATE_FAULTS"] == "south:delay=5,ids=daily"
    assert exits["PARKSTREAM_GATE_FAULTS"] == "east:skew=1,ids=daily"


def test_a_demo_waits_as_much_longer_as_its_faults_make_events_late():
    assert Options().late_seconds == 0
    faults = ("south:delay=5", "south:outage=60/90", "north:creep=10/20", "east:creep=10/20")
    assert Options(faults=faults).late_seconds == 155 + 20


def test_a_fault_of_no_gate_is_refused_before_anything_starts():
    with pytest.raises(ToolError, match="has 'sowth:delay=5'; the gates are north, south, east, west"):
        demo(fault=("sowth:delay=5",))


def test_a_folder_with_something_in_it_is_not_used(tmp_path):
    (tmp_path / "summaries.jsonl").touch()
    with pytest.raises(PlaceError), run(Options(keep=tmp_path), print, progress_on(console(terminal=False))):
        pass


@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    (tmp_path / "summaries.jsonl").write_text("one\n")
    return tmp_path / "summaries.jsonl"


def test_the_summary_file_of_the_last_demo_stays_in_a_place_of_ones_own(file):
    first = kept(file, own_place())
    file.write_text("two\n")
    assert kept(file, own_place()) == first
    assert first.read_text() == "two\n"
    assert first.parent.stat().st_mode & 0o777 == 0o700


def linked(place, elsewhere):
    elsewhere.mkdir()
    place.symlink_to(elsewhere)


def dangling(place, elsewhere):
    place.symlink_to(elsewhere)


def open_to_all(place, elsewhere):
    place.mkdir()
    place.chmod(0o777)


@pytest.mark.parametrize("planted", [linked, dangling, open_to_all])
def test_a_place_that_is_not_ones_own_alone_is_neither_used_nor_believed(file, tmp_path, planted):
    planted(usual_place(), tmp_path / "elsewhere")
    found = kept(file, own_place())
    assert found.parent.parent == usual_place().parent
    assert found.parent != usual_place()
    assert found.parent.stat().st_mode & 0o777 == 0o700
    assert not usual_place().exists() or list(usual_place().iterdir()) == []
    with pytest.raises(PermissionError, match="is not yours alone"):
        kept_spans_file()


def test_a_summary_file_is_never_written_through_a_link(file, tmp_path):
    (tmp_path / "precious").write_text("mine")
    (own_place() / file.name).symlink_to(tmp_path / "precious")
    assert kept(file, own_place()).read_text() == "one\n"
    assert (tmp_path / "precious").read_text() == "mine"


def test_a_kept_folder_keeps_the_summary_file_where_it_is(file):
    assert kept(file, None) == file
