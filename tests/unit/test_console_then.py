"""What a URL asks about another time, and what of the answer it shows."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from parkstream_console.pages.site import Look
from parkstream_console.pages.then import (
    PAGE,
    WrongQuestionError,
    cars_page,
    lasting_query,
    question_of,
    slider_of,
    what_if_of,
    with_changes,
)
from parkstream_console.pages.times import Mode, Times
from parkstream_eventlog import LogState
from parkstream_events.sightings import microseconds
from parkstream_projection.questions.as_of import AsOf
from parkstream_projection.questions.what_if import as_variables
from parkstream_projection.reads import Inside
from parkstream_visits import Rules

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
LOG = LogState("log", 1_000, 0, microseconds(NOW), 0, 1_000, {}, {})


def asked(**query: str) -> AsOf:
    return question_of(query, LOG, BERLIN).then


def test_a_position_a_recorded_time_and_an_event_time_can_be_asked_for():
    assert asked(position="1,000") == AsOf(to=1_000, inside=True)
    assert asked(recorded="11:30") == AsOf(recorded_at=NOW - timedelta(hours=1, minutes=30), inside=True)
    assert asked(event="-15m", plate="ab-1") == AsOf(occurred_at=NOW - timedelta(minutes=15), plate="AB1", inside=True)
    assert question_of({"plate": "AB1", "position": " "}, LOG, BERLIN) is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ({"position": "0"}, "no position '0': give one from 1 to 1,000"),
        ({"position": "1001"}, "no position '1001'"),
        ({"position": "\N{FULLWIDTH DIGIT NINE}"}, "no position"),
        ({"position": "9" * 5_000}, "no position"),
        ({"recorded": "soon"}, "'soon' is no time: write 2026-11-27T08:00"),
        ({"recorded": "-999999999d"}, "is no time"),
        ({"event": "13:01"}, "'13:01' is yet to come"),
        ({"event": "-1m", "position": "1"}, "one of position, recorded, event"),
        ({"position": "1", "plate": "?"}, "'\\?': a plate has"),
    ],
)
def test_what_cannot_be_asked_is_told(query, told):
    with pytest.raises(WrongQuestionError, match=told):
        question_of(query, LOG, BERLIN)


def test_a_url_asks_the_same_tomorrow():
    query = {"recorded": "-15m", "plate": "AB1"}
    lasting = lasting_query(query, asked(**query))
    assert lasting == {"recorded": "2026-11-30T11:45:00Z", "plate": "AB1"}
    assert lasting_query(lasting, asked(**lasting)) == lasting
    assert lasting_query({"position": "7"}, asked(position="7")) == {"position": "7"}


def test_a_url_leaves_out_what_is_empty():
    assert with_changes("/time", {"position": "7", "page": "3"}, page=4) == "/time?position=7&page=4"
    assert with_changes("/time", {"position": "7", "page": "3"}, page="", plate="A&B") == "/time?position=7&plate=A%26B"


@pytest.mark.parametrize("end", [0, 1, 2, 199, 200, 201, 399, 1_234_567])
def test_a_slider_reaches_the_end_from_a_position_that_there_is(end):
    slider = slider_of(end)
    assert slider.last == end
    assert (end - slider.first) % slider.step == 0
    assert 0 <= slider.first <= slider.step
    assert bool(slider.first) == bool(end)


def variables(**changes: str) -> dict[str, str]:
    return {name: f"{value:g}" for name, value in as_variables(Rules()).items()} | changes


def test_other_rules_are_those_that_differ():
    query = variables(MAX_STAY_SECONDS="60", plate="ab1")
    otherwise = what_if_of(query, LOG, Rules()).otherwise
    assert (otherwise.changes, otherwise.plate) == ({"max_stay_us": 60_000_000}, "AB1")
    assert what_if_of({"plate": "AB1"}, LOG, Rules()) is None


@pytest.mark.parametrize(
    ("query", "told"),
    [
        (variables(plate="AB1"), "Change at least one"),
        (variables(MAX_STAY_SECONDS="60"), "Give the plate"),
        (variables(MAX_STAY_SECONDS="-1", plate="A"), "MAX_STAY_SECONDS: give a number of seconds, from 0 to"),
        (variables(FINALITY_DAYS="nan", plate="A"), "FINALITY_DAYS: give a number of days, from 0 to 3650"),
    ],
)
def test_other_rules_that_cannot_be_are_told(query, told):
    with pytest.raises(WrongQuestionError, match=told):
        what_if_of(query, LOG, Rules())


def look(*, hides_plates: bool = False) -> Look:
    return Look(Times(Mode.UTC, BERLIN, NOW), hides_plates)


def test_cars_come_in_pages_and_can_be_looked_for():
    inside = [Inside(f"CAR{n:03}", NOW, f"in-{n}") for n in range(2 * PAGE + 1)]
    last = cars_page(inside, look(), "", "99")
    assert (last.number, last.pages, last.found, last.total) == (3, 3, 101, 101)
    assert [car.vehicle_plate for car in last.cars] == ["CAR100"]
    assert (
        cars_page(inside, look(), "", "-1").number
        == cars_page(inside, look(), "", "\N{FULLWIDTH DIGIT NINE}").number
        == 1
    )
    assert [car.vehicle_plate for car in cars_page(inside, look(), " r099", "").cars] == ["CAR099"]
    assert cars_page([], look(), "", "").pages == 1


def test_who_may_not_see_plates_finds_nothing_by_what_is_hidden():
    inside = [Inside("SECRET12", NOW, "in-1")]
    assert cars_page(inside, look(hides_plates=True), "SECR", "").cars == []
    assert cars_page(inside, look(hides_plates=True), "12", "").cars == inside
