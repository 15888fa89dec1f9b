"""Small parts of pictures."""

from datetime import timedelta
from typing import Final

from markupsafe import Markup

from parkstream_console.pages.times import Times, lasting
from parkstream_console.pictures.axis import Axis, Stretch

LABEL_WIDTH: Final = 100
"""What the time of a label takes."""


def text(x: float, y: float, words: str, classes: str = "", anchor: str = "start") -> Markup:
    """Return *words* at a place."""
    return Markup('<text x="{:.1f}" y="{:.1f}" class="{}" text-anchor="{}">{}</text>').format(
        x, y, classes, anchor, words
    )


def line(x1: float, y1: float, x2: float, y2: float, classes: str) -> Markup:
    """Return a straight line."""
    return Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>').format(x1, y1, x2, y2, classes)


def rect(x: float, y: float, width: float, height: float, classes: str) -> Markup:
    """Return a box, which is at least a pixel wide."""
    return Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}"/>').format(
        x, y, max(width, 1.5), height, classes
    )


def time_axis(axis: Axis, times: Times, top: float, bottom: float) -> Markup:
    """Return *axis* at *bottom*, its gaps marked up to *top*, with times where they do not cover each other."""
    parts = [line(one.left, bottom, one.right, bottom, "axis") for one in axis.stretches]
    for gap in axis.gaps:
        middle = (gap.left + gap.right) / 2
        parts += [line(middle - 4, top, middle - 4, bottom, "gap"), line(middle + 4, top, middle + 4, bottom, "gap")]
        parts.append(text(middle, top - 4, _length(gap), "small", "middle"))
    free = float("-inf")
    for stretch in axis.stretches:
        if stretch.left >= free:
            parts.append(line(stretch.left, bottom - 4, stretch.left, bottom + 4, "axis"))
            parts.append(text(stretch.left, bottom + 18, times.label(stretch.first), "small"))
            free = stretch.left + LABEL_WIDTH
    if (end := axis.stretches[-1]).right - LABEL_WIDTH >= free:
        parts.append(text(end.right, bottom + 18, times.label(end.last), "small", "end"))
    return Markup("").join(parts)


def _length(gap: Stretch) -> str:
    return lasting(timedelta(microseconds=gap.last - gap.first))
