"""The deck's pictures, as SVG: bars of events per second, and one car's trace over time."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LABELS = {"parkstream": "Parkstream", "aio-pika": "hand-written batches", "naive": "one event at a time"}
OURS, OTHERS, GREY = "#0b7a75", "#b8c4ce", "#5b6b75"
SERVICES = {
    "parkstream-entry-generator": "#5b8def",
    "parkstream-exit-generator": "#5b8def",
    "parkstream-backend": OURS,
    "parkstream-summary-api": "#d17b0f",
}
TICKS_MAX = 6
STEPS_MS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)


def _svg(label: str, width: int, height: float, parts: Iterable[str]) -> str:
    return f'<svg viewBox="0 0 {width} {height:g}" role="img" aria-label="{label}">{"".join(parts)}</svg>'


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{kind}" text-anchor="{anchor}">{html.escape(words)}</text>'


def _rect(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:g}" width="{width:.1f}" height="{height:g}" rx="2" fill="{colour}"/>'


def bars(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the drain as horizontal bars, untraced above traced."""
    top = max(row["events_per_second"] for row in rows)
    parts: list[str] = []
    for n, row in enumerate(sorted(rows, key=lambda one: (one["traced"], -one["events_per_second"]))):
        y, width = n * 27 + (8 if row["traced"] else 0), 290 * row["events_per_second"] / top
        parts += [
            _text(0, y + 14, LABELS[row["name"]] + (", traced" if row["traced"] else "")),
            _rect(205, y + 1, width, 17, OURS if row["name"] == "parkstream" else OTHERS),
            _text(211 + width, y + 14, f"{row['events_per_second']:,.0f}", "n"),
        ]
    return _svg("events per second", 560, len(rows) * 27 + 8, parts)


def waterfall(spans: Sequence[Mapping[str, Any]]) -> str:
    """Return one car's trace as bars over an axis of milliseconds since the camera."""
    total = max((span["offset_ms"] + span["duration_ms"] for span in spans), default=0.0) or 1.0
    left, wide, row = 215, 285, 22
    parts = _axis(left, wide, total, len(spans) * row)
    for n, span in enumerate(spans):
        x, width = left + wide * span["offset_ms"] / total, max(2.0, wide * span["duration_ms"] / total)
        service = span["service"].removeprefix("parkstream-")
        parts += [
            _text(0, n * row + 15, f"{service}  {_short(span['span'])}"),
            _rect(x, n * row + 4, width, 14, SERVICES.get(span["service"], GREY)),
            _text(560, n * row + 15, f"{span['duration_ms']:.1f} ms", "n", "end"),
        ]
    return _svg("one trace", 560, len(spans) * row + 20, parts)


def _axis(left: float, wide: float, total: float, height: float) -> list[str]:
    step = next((step for step in STEPS_MS if total / step <= TICKS_MAX), STEPS_MS[-1])
    parts: list[str] = []
    for at in range(0, int(total) + 1, step):
        x = left + wide * at / total
        parts.append(f'<line x1="{x:.1f}" y1="0" x2="{x:.1f}" y2="{height}" stroke="#e3e8ec"/>')
        parts.append(_text(x, height + 15, f"{at} ms" if at == 0 else str(at), "n", "middle"))
    return parts


def _short(span: str) -> str:
    """Leave out where a message went: a row has little room."""
    return span.partition(" ")[0]
