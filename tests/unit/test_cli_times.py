"""Times as people write and read them."""

from datetime import UTC, datetime

import pytest
from parkstream_cli.arguments import moment_us
from parkstream_cli.errors import ToolError
from parkstream_events.sightings import microseconds
from parkstream_projection.questions.words import at, lasting
from parkstream_service.plain_text import plain

NOW = microseconds(datetime(2026, 11, 27, 9, 30, tzinfo=UTC))
SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-27T08:00", datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("2026-11-27T08:00:01.5Z", datetime(2026, 11, 27, 8, 0, 1, 500_000, tzinfo=UTC)),
        ("2026-11-27T08:00+02:00", datetime(2026, 11, 27, 6, tzinfo=UTC)),
        ("2026-11-27", datetime(2026, 11, 27, tzinfo=UTC)),
        ("08:00", datetime(2026, 11, 27, 8, tzinfo=UTC)),
        ("-15m", datetime(2026, 11, 27, 9, 15, tzinfo=UTC)),
        ("-90s", datetime(2026, 11, 27, 9, 28, 30, tzinfo=UTC)),
        ("-2d", datetime(2026, 11, 25, 9, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_meant_in_utc_today_or_before_now(text, meant):
    assert moment_us(text, NOW) == microseconds(meant)


@pytest.mark.parametrize("text", ["", "soon", "25:00", "-15", "15m", "-15y", "2026-13-01", "0001-01-01T00:00+14:00"])
def test_what_is_no_time_is_told_with_examples(text):
    with pytest.raises(ToolError, match="2026-11-27T08:00") as raised:
        moment_us(text, NOW)
    assert raised.value.exit_code == 2


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (0.25, "0.25 s"),
        (59, "59 s"),
        (65, "1 min 5 s"),
        (3_600, "1 h"),
        (3_660, "1 h 1 min"),
        (2 * 86_400, "2 d"),
    ],
)
def test_a_duration_is_told_in_its_greatest_units(seconds, told):
    assert lasting(round(seconds * SECOND)) == told


def test_a_time_beyond_the_calendar_can_be_told():
    assert at(NOW) == "2026-11-27 09:30:00.000000Z"
    assert at(2**60) == f"{2**60} µs"


def test_what_would_steer_a_terminal_is_shown_instead():
    assert plain("a\x1b[31mb\u202e\n") == "a\\x1b[31mb\\u202e\\n"
    assert plain("a\n", keep="\n") == "a\n"
