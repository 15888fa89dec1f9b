"""Bars over time: entries upwards, exits downwards."""

from collections.abc import Sequence

from markupsafe import Markup

from parkstream_console.live.history import Minute

WIDTH, HEIGHT = 720, 120
MIDDLE = HEIGHT / 2


def flow(minutes: Sequence[Minute]) -> Markup:
    """Return the picture of *minutes*: what came in above the line, what left below it."""
    most = max((max(one.entered, one.exited) for one in minutes), default=0) or 1
    step = WIDTH / max(len(minutes), 1)
    bars = Markup("").join(_bars(nth * step, step, one, most) for nth, one in enumerate(minutes))
    came, left = (sum(counts) for counts in ([one.entered for one in minutes], [one.exited for one in minutes]))
    title = f"Entries and exits per minute: {came} entries and {left} exits in {len(minutes)} minutes, {most} at most."
    return Markup(
        '<svg class="flow" viewBox="0 0 {} {}" role="img" aria-label="{}" preserveAspectRatio="none">'
        '{}<line class="axis" x1="0" x2="{}" y1="{}" y2="{}"/></svg>'
    ).format(WIDTH, HEIGHT, title, bars, WIDTH, MIDDLE, MIDDLE)


def _bars(x: float, step: float, one: Minute, most: int) -> Markup:
    return _bar("in", x, step, MIDDLE - MIDDLE * one.entered / most, MIDDLE * one.entered / most) + _bar(
        "out", x, step, MIDDLE, MIDDLE * one.exited / most
    )


def _bar(name: str, x: float, step: float, y: float, height: float) -> Markup:
    if not height:
        return Markup("")
    return Markup('<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"/>').format(
        name, x, y, max(step - 0.5, 0.5), height
    )
