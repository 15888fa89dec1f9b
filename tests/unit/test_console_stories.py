"""What a story's page shows, how its pictures lay out time, and that whoever must not see a plate never does."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from kept_spans import alone
from parkstream_console.pages.find import rows_of
from parkstream_console.pages.plates import HIDDEN, HiddenIds, mask, masked
from parkstream_console.pages.site import Look
from parkstream_console.pages.times import Mode, Times
from parkstream_console.pages.visit_view import PENDING, plate_view_of, view_of
from parkstream_console.pictures.axis import Axis
from parkstream_console.pictures.lanes import lanes
from parkstream_console.pictures.waterfall import spans_of, waterfall
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited, moment_of
from parkstream_projection.questions.find import Findings, Hit, Senses
from parkstream_telemetry.kept_traces.car_trace import CarTrace
from parkstream_visits import RecordedEvent, StoryFold
from parkstream_visits.plate_visits import ENTRY, EXIT, visit_id_of

SECOND, MINUTE, HOUR = 1_000_000, 60_000_000, 3_600_000_000
NOON_US = 1_782_900_000 * SECOND
TIMES = Times(Mode.UTC, ZoneInfo("UTC"), datetime(2026, 7, 1, 12, tzinfo=UTC))
HIDDEN_IDS = HiddenIds("a secret")
OPEN, HIDING = Look(TIMES), Look(TIMES, hides_plates=True, hidden=HIDDEN_IDS)
TRACE = "00-{0:032x}-{0:016x}-01"


def story_of(*seen):
    """Fold sightings in the order of the log: way, id, when, and how long after that it was recorded.

    A number is up to when the gates without a name are silent, from then on.
    """
    fold = StoryFold("CAR1")
    for position, one in enumerate(seen, 1):
        if isinstance(one, int):
            silence = WatermarkAdvanced([Gate(way) for way in Direction], one, "silence", position - 1)
            fold.take(RecordedEvent(position, one, None, None, silence))
            continue
        way, id_, at_us, delay_us = one
        event = (VehicleExited if way else VehicleEntered)(id_, "CAR1", moment_of(at_us), "north")
        fold.take(RecordedEvent(position, at_us + delay_us, None, TRACE.format(position), event))
    return fold.story()


def visit(way, id_, at_us):
    return visit_id_of(way, id_, at_us)


def test_a_corrected_visit_shows_its_revisions_its_duplicate_and_both_traces():
    exit_us = NOON_US + HOUR
    entry_missed = story_of(
        (EXIT, "x1", exit_us, 0), (EXIT, "x2", exit_us + SECOND, 0), (ENTRY, "e1", NOON_US, 2 * HOUR)
    )
    view = view_of(entry_missed, visit(EXIT, "x1", exit_us), exit_us + HOUR)
    assert [one.outcome for one in view.answer.revisions][-1] == "completed"
    assert view.row.stay_ms == 3_600_000
    assert [(one.direction, one.counts) for one in view.drawn.marks] == [
        ("entry", True),
        ("exit", True),
        ("exit", False),
    ]
    assert view.drawn.marks[0].recorded_us - view.drawn.marks[0].happened_us == 2 * HOUR
    assert view.trace_ids == [f"{1:032x}", f"{3:032x}"], "the exit's, then the entry's"
    assert view_of(entry_missed, visit(ENTRY, "e1", NOON_US), exit_us).answer == view.answer, (
        "what became of that entry"
    )


def test_a_visit_that_was_superseded_and_the_one_that_took_its_place_lead_to_each_other():
    again_us, late_us = NOON_US + HOUR, NOON_US + 30 * MINUTE
    story = story_of(
        (ENTRY, "e1", NOON_US, 0),
        (ENTRY, "e2", again_us, 0),
        (EXIT, "other", again_us + 10 * SECOND, 0),
        (ENTRY, "e3", again_us + 20 * SECOND, 0),
        again_us + 21 * SECOND,
        (EXIT, "late", late_us, 2 * HOUR),
    )
    gone, successor = visit(ENTRY, "e1", NOON_US), visit(EXIT, "late", late_us)
    view = view_of(story, gone, again_us + HOUR)
    assert view.row.outcome == "retracted"
    assert view.answer.revisions[-1].superseded_by == successor
    assert [one.direction for one in view.drawn.marks] == ["entry"], "what it had rested on"
    assert view.answer.sightings == []
    assert view_of(story, successor, again_us).superseded == [gone]
    assert successor in {row.visit_id for row in view.others}
    assert [row.visit_id for row in plate_view_of(story).rows][-1] == gone, "the last first"


def test_a_visit_that_waits_says_for_what_and_its_wait_is_shaded_until_now():
    story = story_of((ENTRY, "e1", NOON_US, 0), (EXIT, "x9", NOON_US - HOUR, HOUR + SECOND))
    waiting = visit(EXIT, "x9", NOON_US - HOUR)
    view = view_of(story, waiting, NOON_US + MINUTE)
    assert view.row.outcome == PENDING
    assert "until every gate has reported beyond" in view.answer.waits.why
    assert view.drawn.waits == [(NOON_US + SECOND, NOON_US + MINUTE)]
    assert 'class="wait"' in lanes(view.drawn, TIMES)
    inside = view_of(story, visit(ENTRY, "e1", NOON_US), NOON_US + MINUTE)
    assert inside.drawn.waits == [], "a car that is inside waits for nothing yet"


def test_a_visit_that_is_not_in_the_story_has_no_page():
    assert view_of(story_of((ENTRY, "e1", NOON_US, 0)), "exit:none@1", NOON_US) is None


def test_a_long_gap_is_compressed_and_the_rest_is_drawn_to_scale():
    axis = Axis([(0, 0), (5, 10), (HOUR, HOUR + 20)], 100, 900)
    ((gap,), (first, second)) = axis.gaps, axis.stretches
    assert (gap.first, gap.last) == (10, HOUR)
    assert (first.left, second.right) == (100, pytest.approx(900))
    assert axis.x(HOUR + 20) - axis.x(HOUR + 10) == pytest.approx(axis.x(HOUR + 10) - axis.x(HOUR))
    assert axis.x(10) < axis.x(HOUR // 2) < axis.x(HOUR)
    assert axis.x(-5) == 100
    assert axis.x(2 * HOUR) == pytest.approx(900)


@pytest.mark.parametrize(
    "intervals",
    [
        [],
        [(7, 7)],
        [(7, 7), (8, 8)],
        [(0, 9), (3, 20)],
        [(HOUR**2 // 10**nth, HOUR**2 // 10**nth) for nth in range(12)],
    ],
)
def test_places_on_an_axis_keep_the_order_of_time_and_stay_on_it(intervals):
    axis = Axis(intervals, 100, 900)
    times = sorted(at for interval in intervals for at in interval)
    places = [axis.x(at) for at in times]
    assert places == sorted(places)
    assert all(100 <= place <= 900.001 for place in places)


def test_two_gaps_much_longer_than_the_rest_are_both_compressed():
    axis = Axis([(0, 0), (HOUR, HOUR), (HOUR + 30 * MINUTE, HOUR + 30 * MINUTE + SECOND)], 0, 100)
    assert [gap.last - gap.first for gap in axis.gaps] == [HOUR, 30 * MINUTE]


def test_a_gap_that_is_as_long_as_the_rest_is_not_compressed():
    assert Axis([(0, 10), (20, 30)], 0, 100).gaps == []


def test_a_waterfall_has_every_step_at_its_time_and_takes_no_style_from_itself():
    trace = CarTrace("t1", alone("t1", 20.0))
    spans = spans_of(trace)
    assert [span.name for span in spans][:2] == ["publish vehicle.exited", "process vehicle.exited"]
    assert spans[-1].begin_us - spans[0].begin_us == 19_000
    picture = str(waterfall(spans, TIMES))
    assert picture.count("<rect") == len(spans) == 6
    assert "style" not in picture
    assert re.search('role="img" aria-label="6 steps', picture)


@pytest.mark.parametrize("written", ["MAB123", "m-ab 123", "Gate7/m_ab123/x", "M·AB·123"])
def test_a_plate_is_masked_however_it_is_written(written):
    shown = masked(f"exit:{written}@12", "MAB123")
    assert mask("MAB123") in shown
    assert "ab" not in shown.lower().replace("gate7", "")
    assert shown.endswith("@12")


def test_what_holds_no_plate_is_shown_as_it_is():
    assert masked("exit:MAB12-3x@12", "MAB124") == "exit:MAB12-3x@12"


def test_an_id_with_a_plate_is_linked_to_without_it_and_leads_to_the_same_visit():
    id_ = "exit:m-ab 123/7@12"
    path = HIDING.visit_path(id_, "MAB123")
    assert path.startswith(f"/visits/{HIDDEN}")
    assert "ab" not in path.lower().partition(HIDDEN)[0].removeprefix("/visits/")
    assert HIDDEN_IDS.plain(path.removeprefix("/visits/")) == id_
    assert HIDING.visit_path(id_, "MAB123") == path, "it may be linked to"
    assert OPEN.visit_path(id_, "MAB123") == "/visits/exit:m-ab%20123%2F7@12"
    assert HIDING.visit_path("exit:7@12", "MAB123") == "/visits/exit:7@12"
    assert HIDING.plate_path("MAB123").startswith(f"/plates/{HIDDEN}")


@pytest.mark.parametrize(
    "token", ["", "abc", "ü", "A" * 60, HiddenIds("another").hide("exit:1@2").removeprefix(HIDDEN)]
)
def test_what_another_made_stands_for_nothing(token):
    assert HIDDEN_IDS.plain(HIDDEN + token) == ""


def test_what_is_found_is_listed_with_what_it_is():
    event = VehicleEntered("MAB123-1", "MAB123", moment_of(NOON_US))
    hit = Hit("MAB123-1", "vehicle.entered.v1", RecordedEvent(7, NOON_US, None, None, event))
    findings = Findings(senses=Senses.of("mab 123"), plate="MAB123", hits=[hit])
    plate, record = rows_of(findings, OPEN)
    assert (plate.what, plate.path) == ("plate", "/plates/MAB123")
    assert (record.what, record.detail) == ("record 7, vehicle.entered.v1", "MAB123, event MAB123-1")
    assert record.path == f"/visits/entry:MAB123-1@{NOON_US}?record=7#record-7"
    hidden = rows_of(findings, HIDING)
    assert not any("MAB" in f"{row.detail}{row.path}" for row in hidden)


@pytest.mark.parametrize(
    ("text", "senses"),
    [
        (" m-ab 123 ", {"plate": "MAB123"}),
        ("1204", {"plate": "1204", "position": 1204}),
        ("exit:x7@12", {"visit_id": "exit:x7@12"}),
        ("A" * 32, {"trace_id": "a" * 32}),
        (TRACE.format(10), {"trace_id": f"{10:032x}"}),
        ("01a22d80-906a-71df-851e-f8d09a41fa3f", {}),
        ("²", {"plate": "2"}),
    ],
)
def test_what_a_text_may_mean(text, senses):
    found = Senses.of(text)
    meant = {name: value for name in ("position", "visit_id", "trace_id", "plate") if (value := getattr(found, name))}
    assert meant == senses
    assert f"id:{text.strip()}" in found.names
