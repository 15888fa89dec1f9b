"""Where a car's time went: the spans of its traces on one axis, gaps compressed."""

from typing import Final

from markupsafe import Markup
from msgspec import Struct
from parkstream_events.units import MILLISECOND_US
from parkstream_telemetry.kept_traces.car_trace import CarTrace
from parkstream_telemetry.kept_traces.waterfall import bars, short

from parkstream_console.pages.times import Times
from parkstream_console.pictures.axis import Axis
from parkstream_console.pictures.svg import rect, text, time_axis

WIDTH = 960
LEFT, RIGHT = 330.0, 890.0
TOP, ROW = 26.0, 20.0
ROWS_MAX: Final = 80
_SERVICES: Final = {"parkstream-backend": "backend", "parkstream-summary-api": "summaries"}


class Span(Struct, frozen=True):
    """One step of a trace, as it is drawn and listed."""

    service: str
    name: str
    depth: int
    begin_us: int
    duration_us: int
    kind: str
    """The class that gives it its colour."""

    @property
    def duration_ms(self) -> float:
        """How long it took."""
        return self.duration_us / MILLISECOND_US


def spans_of(trace: CarTrace) -> list[Span]:
    """Return the steps of *trace*, by when they began."""
    begin_us = min(span.start_us for span in [*trace.spans, *trace.requests])
    return [
        Span(
            bar.row.service.removeprefix("parkstream-"),
            ("(batch) " if bar.joined else "") + short(bar.row.span),
            0 if bar.joined else bar.depth,
            begin_us + round(bar.row.offset_ms * MILLISECOND_US),
            round(bar.row.duration_ms * MILLISECOND_US),
            "failed" if bar.failed else _SERVICES.get(bar.row.service, "camera"),
        )
        for bar in bars(trace)
    ]


def waterfall(spans: list[Span], times: Times) -> Markup:
    """Return the picture of *spans*."""
    shown = spans[:ROWS_MAX]
    axis = Axis([(one.begin_us, one.begin_us + one.duration_us) for one in shown], LEFT, RIGHT)
    bottom = TOP + ROW * len(shown)
    parts = [time_axis(axis, times, TOP, bottom), *(_row(one, nth, axis) for nth, one in enumerate(shown))]
    label = f"{len(spans)} steps of this car's traces over time; the table below lists them."
    return Markup('<svg class="waterfall" viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, bottom + 28, label, Markup("").join(parts)
    )


def _row(span: Span, nth: int, axis: Axis) -> Markup:
    y = TOP + ROW * nth
    left, right = axis.x(span.begin_us), axis.x(span.begin_us + span.duration_us)
    return Markup("").join(
        [
            text(8, y + 14, span.service, "small"),
            text(120 + 10 * span.depth, y + 14, span.name, "small"),
            rect(left, y + 4, right - left, ROW - 8, span.kind),
            text(max(right, left + 1.5) + 4, y + 14, f"{span.duration_ms:,.1f} ms", "small"),
        ]
    )
