"""``parkstream trace``: from a visit's id, a plate or a trace's id to its traces, drawn as waterfalls."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from msgspec import Struct
from parkstream_devtools.pipeline.kept_files import kept_spans_file
from parkstream_events.sightings import normalised_plate
from parkstream_telemetry import names
from parkstream_telemetry.kept_spans import NotSpansError
from parkstream_telemetry.kept_traces.car_trace import CarTrace
from parkstream_telemetry.kept_traces.search import FoundTrace, gathered, in_order, with_plate, with_visits
from parkstream_telemetry.kept_traces.waterfall import Bar, Row, bars, short, waterfall
from parkstream_telemetry.plates import plate_hash, plate_key
from rich.bar import Bar as Drawn
from rich.table import Table

from parkstream_cli.connections import opened, settings_here
from parkstream_cli.console import PlainConsole
from parkstream_cli.errors import EXPECTED, ToolError
from parkstream_cli.output import AsJson, as_json

HOW_TO_KEEP: Final = """\
`parkstream demo` keeps those of its cars, and so does compose.lite.yaml. With SigNoz they are there: look for
parking.visit.id, or for the trace's id, which `parkstream visit PLATE` prints. To keep those of services of your own:
    python -m parkstream_devtools sink --keep spans.jsonl
start the services with OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317, and ask with --spans spans.jsonl."""
_TRACE_ID: Final = re.compile("[0-9a-f]{32}")
SMALLEST_SHARE: Final = 0.03
"""Of the width: what took hardly any time is drawn nevertheless."""
OTHER_TRACE: Final = "(batch) "
"""Before a span of another trace: the request that carried this summary among others."""
_COLOURS: Final = {"backend": "cyan", "summary-api": "yellow"}
_CAMERAS: Final = "blue"
_FAILED: Final = "red"


class NoSpansError(ToolError):
    """There is no file of kept spans."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"no spans are kept in {file}. {HOW_TO_KEEP}")


class NoTraceError(ToolError):
    """No kept span concerns what was asked for; *tried* says what was tried."""

    def __init__(self, wanted: str, file: Path, tried: list[str]) -> None:
        no_span = f"no span in {file} is of the visit, plate or trace {wanted}; only the newest spans are kept."
        super().__init__("\n".join([no_span, *tried]))


class Sources(Struct, frozen=True, kw_only=True):
    """Where to look: the kept spans, and the projection, which remembers the *visits_of* a plate."""

    spans_file: Path
    plate_hash_key: str
    visits_of: Callable[[str], Awaitable[list[str]]]


class TraceAnswer(Struct, frozen=True):
    """One trace, as ``--json`` prints it; *linked_by*: the trace that links to this one, and is why it is here."""

    trace_id: str
    linked_by: str | None
    visit_id: str | None
    e2e_duration_ms: float | None
    trace: list[Row]


def trace(
    wanted: Annotated[str, Parameter(help="A visit's id, as in the summary file, a plate, or a trace's id.")],
    /,
    *,
    spans: Annotated[Path | None, Parameter(help="A file of kept spans; by default that of the last demo.")] = None,
    json: AsJson = False,
) -> None:
    """Show where a car's time went, from the camera to the disk. Exits with 1 if there is no trace of it."""
    settings = settings_here()
    try:
        sources = Sources(
            spans_file=spans or (Path(settings.spans_file) if settings.spans_file else kept_spans_file()),
            plate_hash_key=settings.plate_hash_key,
            visits_of=_remembered,
        )
        found = ask(wanted, sources)
    except (NotSpansError, OSError) as error:
        raise ToolError(str(error)) from error
    if json:
        as_json({"traces": [_answer(one) for one in found]})
        return
    for one in found:
        words = [about(one.trace), f"trace {one.trace.trace_id}"]
        title = ", ".join(word for word in words if word)
        draw(one.trace, f"linked from the trace above: {title}" if one.linked_by else title, PlainConsole())


def ask(wanted: str, sources: Sources) -> list[FoundTrace]:
    """Return the traces of the visit, plate or trace *wanted*, each followed by those that it links to."""
    file = sources.spans_file
    if not file.exists():
        raise NoSpansError(file)
    tried: list[str] = []
    is_id = _TRACE_ID.fullmatch(wanted) is not None
    visits = [wanted, plate_hash(wanted, plate_key(sources.plate_hash_key))]
    trace_ids = {wanted} if is_id else with_visits(file, visits) or _of_plate(wanted, sources, tried)
    found = in_order(gathered(file, trace_ids))
    if not found:
        raise NoTraceError(wanted, file, tried)
    return found


def _of_plate(wanted: str, sources: Sources, tried: list[str]) -> set[str]:
    """Return the ids of the traces of a plate: by its hash, or by its visits that the projection remembers."""
    try:
        plate = normalised_plate(wanted)
    except ValueError:
        return set()
    found = with_plate(sources.spans_file, plate_hash(plate, plate_key(sources.plate_hash_key)))
    if found:
        return found
    tried.append("A plate is found by its hash: PARKSTREAM_PLATE_HASH_KEY must be what the services have.")
    return with_visits(sources.spans_file, asyncio.run(_visits_of(plate, sources, tried)))


async def _visits_of(plate: str, sources: Sources, tried: list[str]) -> list[str]:
    try:
        return await sources.visits_of(plate)
    except EXPECTED as error:
        tried.append(f"Its visits are not known: {error}")
        return []


async def _remembered(plate: str) -> list[str]:
    async with opened(settings_here()) as it:
        return [visit.visit_id for visit in await it.reads.plate(plate) or []]


def _answer(found: FoundTrace) -> TraceAnswer:
    trace = found.trace
    return TraceAnswer(trace.trace_id, found.linked_by, trace.visit_id, trace.e2e_duration_ms, waterfall(trace))


def draw(trace: CarTrace, title: str, console: PlainConsole) -> None:
    """Draw *trace* on *console* under *title*."""
    console.say((title, "bold"))
    drawn = bars(trace)
    total = max(max((bar.row.offset_ms + bar.row.duration_ms for bar in drawn), default=0.0), 0.001)
    table = Table(box=None, padding=(0, 1, 0, 0), expand=True, header_style="dim")
    for name in ("service", "span", "offset ms", "took ms"):
        table.add_column(name, no_wrap=True, justify="right" if name.endswith("ms") else "left")
    table.add_column("", ratio=1, min_width=12)
    for bar in drawn:
        table.add_row(*_cells(bar, total))
    console.print(table)


def _cells(bar: Bar, total: float) -> list[str | Drawn]:
    row = bar.row
    service = row.service.removeprefix("parkstream-")
    colour = _FAILED if bar.failed else _COLOURS.get(service, _CAMERAS)
    begin = min(row.offset_ms, total * (1 - SMALLEST_SHARE))
    end = max(row.offset_ms + row.duration_ms, begin + total * SMALLEST_SHARE)
    return [
        service,
        f"{OTHER_TRACE if bar.joined else ' ' * bar.depth}{short(row.span)}",
        f"{row.offset_ms:,.1f}",
        f"{row.duration_ms:,.1f}",
        Drawn(total, begin, end, color=colour),
    ]


def about(trace: CarTrace) -> str:
    """Return in words what became of the car: ``exit:…, completed, 8.3 ms from the camera to the disk``, or nothing."""
    parts = [trace.visit_id, trace.written(names.ATTRIBUTE_OUTCOME)]
    if trace.e2e_duration_ms is not None:
        parts.append(f"{trace.e2e_duration_ms:,.1f} ms from the camera to the disk")
    if trace.written(names.ATTRIBUTE_PENDING):
        parts.append("pending first")
    return ", ".join(str(part) for part in parts if part is not None)
