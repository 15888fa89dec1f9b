"""Waterfalls on a terminal."""

from typing import Final

from parkstream_telemetry import names
from rich.bar import Bar as Drawn
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parkstream_cli.traces.car_trace import CarTrace
from parkstream_cli.traces.waterfall import Bar, bars

SMALLEST_SHARE: Final = 0.03
"""Of the width: what took no time to speak of is seen nevertheless."""
_COLOURS: Final = {"backend": "cyan", "summary-api": "yellow"}
_CAMERAS: Final = "blue"
_FAILED: Final = "red"


def draw(trace: CarTrace, title: str, console: Console) -> None:
    """Draw *trace* on *console* under *title*."""
    console.print(title, style="bold", markup=False, highlight=False, soft_wrap=True)
    drawn = bars(trace)
    total = max(max((bar.row.offset_ms + bar.row.duration_ms for bar in drawn), default=0.0), 0.001)
    table = Table(box=None, padding=(0, 1, 0, 0), expand=True, header_style="dim")
    for name in ("service", "span", "offset ms", "took ms"):
        table.add_column(name, no_wrap=True, justify="right" if name.endswith("ms") else "left")
    table.add_column("", ratio=1, min_width=12)
    for bar in drawn:
        table.add_row(*_cells(bar, total))
    console.print(table)


def _cells(bar: Bar, total: float) -> list[Text | Drawn]:
    row = bar.row
    service = row.service.removeprefix("parkstream-")
    colour = _FAILED if bar.failed else _COLOURS.get(service, _CAMERAS)
    begin = min(row.offset_ms, total * (1 - SMALLEST_SHARE))
    end = max(row.offset_ms + row.duration_ms, begin + total * SMALLEST_SHARE)
    return [
        Text(service),
        Text(f"{'↪ ' if bar.joined else ' ' * bar.depth}{short(row.span)}"),
        Text(f"{row.offset_ms:,.1f}"),
        Text(f"{row.duration_ms:,.1f}"),
        Drawn(total, begin, end, color=colour),
    ]


def short(span: str) -> str:
    """Leave out the exchange and the queue: ``publish parking.events:vehicle.exited`` is ``publish vehicle.exited``."""
    operation, _, destination = span.partition(" ")
    _, _, rest = destination.partition(":")
    return f"{operation} {rest.partition(':')[0]}" if rest else span


def about(trace: CarTrace) -> str:
    """Return in words what became of the car: ``exit:…, completed, 8.3 ms from the camera to the disk``, or nothing."""
    said = [trace.visit_id, trace.written(names.ATTRIBUTE_OUTCOME)]
    if trace.e2e_duration_ms is not None:
        said.append(f"{trace.e2e_duration_ms:,.1f} ms from the camera to the disk")
    if trace.written(names.ATTRIBUTE_PENDING):
        said.append("held")
    return ", ".join(str(word) for word in said if word is not None)
