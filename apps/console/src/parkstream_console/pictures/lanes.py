"""A visit as a picture: its sightings in two lanes on a time axis, what it waited for, and each revision."""

from typing import Final

from markupsafe import Markup
from msgspec import Struct

from parkstream_console.pages.times import Times
from parkstream_console.pictures.axis import Axis, Interval
from parkstream_console.pictures.svg import line, rect, text, time_axis

WIDTH, HEIGHT = 960, 216
LEFT, RIGHT = 90.0, 930.0
TOP, BOTTOM = 30.0, 186.0
MARKS_MAX: Final = 200
LANES: Final = {"entry": 56.0, "exit": 100.0, "revision": 148.0}


class Mark(Struct, frozen=True):
    """A sighting: when it happened and when it was recorded (µs); *counts*: it is no duplicate."""

    direction: str
    happened_us: int
    recorded_us: int
    counts: bool
    title: str


class Flag(Struct, frozen=True):
    """A revision, and when it was emitted."""

    number: int
    at_us: int
    outcome: str
    title: str


class Lanes(Struct, frozen=True, kw_only=True):
    """What is drawn; *waits*: from when to when it waited for the watermark."""

    marks: list[Mark]
    flags: list[Flag]
    waits: list[Interval]
    label: str


def lanes(drawn: Lanes, times: Times) -> Markup:
    """Return the picture of *drawn*."""
    marks, flags = drawn.marks[:MARKS_MAX], drawn.flags[:MARKS_MAX]
    intervals = [
        *((one.happened_us, one.happened_us) for one in marks),
        *((one.recorded_us, one.recorded_us) for one in marks),
        *((one.at_us, one.at_us) for one in flags),
        *drawn.waits,
    ]
    axis = Axis(intervals, LEFT, RIGHT)
    parts = [
        *(_wait(one, axis) for one in drawn.waits),
        time_axis(axis, times, TOP, BOTTOM),
        *(text(8, y + 4, name, "lane") for name, y in LANES.items()),
        *(line(LEFT, y, RIGHT, y, "axis") for y in LANES.values()),
        _stay(marks, axis),
        *(_mark(one, axis) for one in marks),
        *(_flag(one, axis) for one in flags),
    ]
    return Markup('<svg class="lanes" viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, drawn.label, Markup("").join(parts)
    )


def _wait(interval: Interval, axis: Axis) -> Markup:
    left, right = map(axis.x, interval)
    return rect(left, TOP, right - left, BOTTOM - TOP, "wait")


def _stay(marks: list[Mark], axis: Axis) -> Markup:
    """Draw the way from the entry to the exit that count."""
    ends = {one.direction: one for one in marks if one.counts}
    if len(ends) < len(("entry", "exit")):
        return Markup("")
    entry, exit_ = ends["entry"], ends["exit"]
    return line(axis.x(entry.happened_us), LANES["entry"], axis.x(exit_.happened_us), LANES["exit"], "stay")


def _mark(mark: Mark, axis: Axis) -> Markup:
    """Draw a sighting where it happened, with a tail to where it was recorded."""
    y, happened, recorded = LANES[mark.direction], axis.x(mark.happened_us), axis.x(mark.recorded_us)
    way = {"entry": "in", "exit": "out"}[mark.direction]
    tail = line(happened, y, recorded, y, f"tail {way}")
    end = line(recorded, y - 7, recorded, y + 7, f"tail {way}")
    dot = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}" class="{}"><title>{}</title></circle>').format(
        happened, y, 6 if mark.counts else 4, way if mark.counts else f"duplicate {way}", mark.title
    )
    return tail + end + dot


def _flag(flag: Flag, axis: Axis) -> Markup:
    x, y = axis.x(flag.at_us), LANES["revision"]
    return Markup(
        '<path d="M{0:.1f} {1:.1f}l9 9l-9 9l-9-9z" class="flag {2}"><title>{3}</title></path>'
        '<text x="{0:.1f}" y="{4:.1f}" class="number" text-anchor="middle">{5}</text>'
    ).format(x, y - 9, flag.outcome, flag.title, y + 4, flag.number)
