"""What the console counts, and how it writes times and plates."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from parkstream_console.live.history import COUNTED, MINUTES, History, Minute
from parkstream_console.pages.plates import mask, masked
from parkstream_console.pages.site import Look
from parkstream_console.pages.times import Mode, Times, ago, mode_of
from parkstream_console.pictures.bars import flow
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.units import MINUTE_US
from parkstream_visits import RecordedEvent

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
BERLIN = ZoneInfo("Europe/Berlin")


def counters(**counted: int) -> dict[str, int]:
    return dict.fromkeys(COUNTED, 0) | counted


def look(history: History, now_us: int, *, checkpoint: int = 0, version: int = 1, **counted: int) -> None:
    history.look(now_us, counters(**counted), checkpoint, version)


def test_minutes_are_what_the_counters_grew_by():
    history = History(NOON_US)
    look(history, NOON_US, entered=100, exited=50)
    look(history, NOON_US + 1_000_000, entered=103, exited=50)
    look(history, NOON_US + MINUTE_US, entered=104, exited=52, completed=2)
    now, last = history.minutes(NOON_US + MINUTE_US, 2)[::-1]
    assert (last.entered, last.exited) == (3, 0)
    assert (now.entered, now.exited) == (1, 2)
    assert history.outcomes(NOON_US + MINUTE_US)["completed"] == 2


@pytest.mark.parametrize(("after_us", "version"), [(1_000_000, 2), (2 * MINUTE_US, 1)])
def test_another_projection_or_a_long_absence_begins_anew(after_us, version):
    history = History(NOON_US)
    look(history, NOON_US, entered=100)
    look(history, NOON_US + 1_000_000, entered=101)
    later = NOON_US + 1_000_000 + after_us
    look(history, later, version=version, entered=600, completed=500)
    assert {(one.entered, one.exited) for one in history.minutes(later)} == {(0, 0)}
    assert history.outcomes(later)["completed"] == 0
    assert history.begun_us == history.outcomes_begun_us == later
    look(history, later, version=version, entered=601)
    assert history.minutes(later, 1)[0].entered == 1


def test_minutes_that_are_long_ago_are_forgotten():
    history = History(NOON_US)
    for number in range(MINUTES * 3):
        look(history, NOON_US + number * MINUTE_US, entered=number)
    assert len(history._minutes) <= MINUTES


async def test_minutes_before_the_start_come_from_the_log_and_none_counts_twice():
    history = History(NOON_US)
    look(history, NOON_US, checkpoint=2, entered=2, exited=1)
    seen = [
        (NOON_US - 2 * MINUTE_US, VehicleEntered("a", "AB1", NOON)),
        (NOON_US - MINUTE_US, VehicleExited("b", "AB1", NOON)),
        (NOON_US, VehicleEntered("c", "AB2", NOON)),
    ]

    async def records() -> AsyncIterator[RecordedEvent]:
        for position, (at_us, event) in enumerate(seen, 1):
            yield RecordedEvent(position, at_us, None, None, event)

    await history.take_in(records(), NOON_US - 180 * MINUTE_US)
    assert [(one.entered, one.exited) for one in history.minutes(NOON_US, 3)] == [(1, 0), (0, 1), (0, 0)]
    assert history.begun_us == NOON_US - 180 * MINUTE_US


@pytest.mark.parametrize(
    ("mode", "shown"), [(Mode.MALL, "14:00:00"), (Mode.UTC, "12:00:00"), (Mode.RELATIVE, "1 h 5 min ago")]
)
def test_a_time_is_written_as_the_reader_chose(mode, shown):
    written = Times(mode, BERLIN, NOON + timedelta(minutes=65)).clock(NOON)
    assert f">{shown}</time>" in written
    assert 'datetime="2026-07-01T12:00:00Z"' in written
    assert "2026-07-01 1" in written


def test_what_is_yet_to_come_is_not_ago():
    assert ago(timedelta(seconds=-5)) == "in 5 s"


def test_the_choice_is_that_of_the_url_then_the_remembered_one():
    assert mode_of("utc", "relative") is Mode.UTC
    assert mode_of("nonsense", "relative") is Mode.RELATIVE
    assert mode_of(None, "nonsense") is Mode.MALL


def test_a_masked_plate_keeps_its_last_characters_only_also_in_ids():
    assert mask("ABC1234") == "•••••34"
    assert mask("A1") == "••"
    assert masked("exit:cam-ABC1234-7@12", "ABC1234") == "exit:cam-•••••34-7@12"


def test_what_others_have_written_has_no_plate_for_who_sees_them_masked():
    masks, whole = (Look(Times(Mode.UTC, BERLIN, NOON), hides_plates=hides) for hides in (True, False))
    problem = "conflict with ABC1234 or xyz-99"
    assert masks.about_several(problem, ["ABC1234", "XYZ99"]) == "conflict with •••••34 or •••99"
    assert masks.known("ABC1234", "another reason") == "another reason"
    assert masks.known("too_old", "another reason") == "too_old"
    for deed in ("sent dead letters again (ABC1234)", "Send dead letters again: ABC1234"):
        assert "ABC1234" not in masks.deed(deed)
        assert masks.deed(deed)
        assert whole.deed(deed) == deed
    assert whole.about_several(problem, ["ABC1234"]) == problem
    assert whole.known("ABC1234", "another reason") == "ABC1234"


def test_a_picture_says_in_words_what_it_shows_and_draws_nothing_for_nothing():
    picture = flow([Minute(0, 0, 0), Minute(1, 4, 2)])
    assert "4 entries and 2 exits in 2 minutes" in picture
    assert picture.count("<rect") == 2
    assert "style=" not in picture
