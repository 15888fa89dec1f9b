"""``parkstream trace``: from a visit's id, a plate or a trace's id to the traces to show."""

import asyncio
import re
from pathlib import Path
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from parkstream_events.sightings import normalised_plate
from parkstream_telemetry.plates import plate_hash, plate_key
from rich.console import Console

from parkstream_cli.probes import Asker, UnreachableError
from parkstream_cli.traces.search import FoundTrace, gathered, in_order, with_plate, with_visits
from parkstream_cli.traces.terminal import about, draw
from parkstream_cli.traces.waterfall import Row, waterfall

HOW_TO_KEEP: Final = """\
`parkstream demo` keeps those of its cars, and so does compose.lite.yaml. With SigNoz they are there: look for
parking.visit.id, or for the trace's id, which `parkstream visit PLATE` prints. To keep those of services of your own:
    python -m parkstream_devtools sink --keep spans.jsonl
start the services with OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4317, and ask with --spans spans.jsonl."""
_TRACE_ID: Final = re.compile("[0-9a-f]{32}")


class NoSpansError(Exception):
    """There is no file of kept spans."""

    def __init__(self, file: Path) -> None:
        super().__init__(f"no spans are kept in {file}. {HOW_TO_KEEP}")


class NoTraceError(Exception):
    """No kept span concerns what was asked for; *tried* says what was tried."""

    def __init__(self, wanted: str, file: Path, tried: list[str]) -> None:
        no_span = f"no span in {file} is of the visit, plate or trace {wanted}; only the newest spans are kept."
        super().__init__("\n".join([no_span, *tried]))


class Sources(Struct, frozen=True, kw_only=True):
    """Where to look: the kept spans, and the backend that remembers a plate's visits."""

    spans_file: Path
    plate_hash_key: str
    backend_url: str
    api_token: str | None


class TraceAnswer(Struct, frozen=True):
    """One trace, as ``--json`` prints it; *linked_by*: the trace that links to this one, and is why it is here."""

    trace_id: str
    linked_by: str | None
    visit_id: str | None
    e2e_duration_ms: float | None
    trace: list[Row]


def ask(wanted: str, sources: Sources) -> list[FoundTrace]:
    """Return the traces of the visit, plate or trace *wanted*, each followed by those that it links to."""
    file = sources.spans_file
    if not file.exists():
        raise NoSpansError(file)
    tried: list[str] = []
    is_id = _TRACE_ID.fullmatch(wanted) is not None
    trace_ids = {wanted} if is_id else with_visits(file, [wanted]) or _of_plate(wanted, sources, tried)
    found = in_order(gathered(file, trace_ids))
    if not found:
        raise NoTraceError(wanted, file, tried)
    return found


def _of_plate(wanted: str, sources: Sources, tried: list[str]) -> set[str]:
    """Return the ids of the traces of a plate: by its hash, or by its visits that the backend remembers."""
    try:
        plate = normalised_plate(wanted)
    except ValueError:
        return set()
    found = with_plate(sources.spans_file, plate_hash(plate, plate_key(sources.plate_hash_key)))
    if found:
        return found
    tried.append("A plate is found by its hash: PARKSTREAM_PLATE_HASH_KEY must be what the services have.")
    return with_visits(sources.spans_file, asyncio.run(_visits_of(plate, sources, tried)))


class _Visit(Struct, frozen=True):
    visit_id: str


class _Visits(Struct, frozen=True):
    visits: list[_Visit]


async def _visits_of(plate: str, sources: Sources, tried: list[str]) -> list[str]:
    async with Asker(sources.api_token) as asker:
        try:
            answer = await asker.get(f"{sources.backend_url}/v1/visits/{quote(plate, safe='')}", _Visits)
        except UnreachableError as error:
            tried.append(f"The backend (PARKSTREAM_BACKEND_URL) could not tell its visits: {error}")
            return []
    return [visit.visit_id for visit in answer.visits]


def as_answers(found: list[FoundTrace]) -> list[TraceAnswer]:
    """Return *found* as ``--json`` prints it."""
    return [
        TraceAnswer(
            one.trace.trace_id, one.linked_by, one.trace.visit_id, one.trace.e2e_duration_ms, waterfall(one.trace)
        )
        for one in found
    ]


def show(found: list[FoundTrace], console: Console) -> None:
    """Draw *found*, one below the other."""
    for one in found:
        words = [about(one.trace), f"trace {one.trace.trace_id}"]
        title = ", ".join(word for word in words if word)
        draw(one.trace, f"↳ links to {title}" if one.linked_by else title, console)
