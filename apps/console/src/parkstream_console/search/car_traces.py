"""The traces of a car: out of the spans that are kept in a file, else from SigNoz."""

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_service.unreachable import UnreachableError
from parkstream_telemetry.kept_spans import NotSpansError
from parkstream_telemetry.kept_traces.car_trace import CarTrace
from parkstream_telemetry.kept_traces.search import gathered, in_order

from parkstream_console.pictures.waterfall import Span, spans_of
from parkstream_console.search.signoz_traces import SignozTraces

TRACES_MAX: Final = 6
NOWHERE: Final = (
    "Spans are not kept here (PARKSTREAM_TRACES_FILE), and the console may not ask SigNoz (PARKSTREAM_SIGNOZ_API_KEY)."
)


class Waterfall(Struct, frozen=True):
    """The steps of a car's traces, or why there are none."""

    spans: list[Span]
    problem: str = ""


class CarTraces:
    """Looks for traces among the spans in *file*, for one who asks at a time, then in *signoz*."""

    def __init__(self, file: Path | None, signoz: SignozTraces | None = None) -> None:
        self._file = file
        self._signoz = signoz
        self._turn = asyncio.Lock()

    async def of(self, trace_ids: Collection[str], recorded_us: Collection[int]) -> Waterfall:
        """Return the steps of the traces *trace_ids*, of sightings that were recorded at those times."""
        if not trace_ids:
            return Waterfall([], "Its sightings came without a trace.")
        kept = await self._kept(trace_ids)
        if kept.spans or self._signoz is None:
            return kept
        try:
            found = await self._signoz.of(trace_ids, recorded_us)
        except UnreachableError as error:
            return Waterfall([], f"SigNoz does not answer: {error}")
        return _drawn(found, "SigNoz has none of its spans any more, or it was not sampled.")

    async def _kept(self, trace_ids: Collection[str]) -> Waterfall:
        """Return the steps that are kept in the file, also of the traces that those link to."""
        if self._file is None:
            return Waterfall([], NOWHERE)
        try:
            async with self._turn:
                found = in_order(await asyncio.to_thread(gathered, self._file, trace_ids))
        except (NotSpansError, OSError) as error:
            return Waterfall([], f"The kept spans cannot be read: {error}")
        return _drawn([one.trace for one in found], "None of its spans is kept any more, or it was not sampled.")


def _drawn(traces: Sequence[CarTrace], problem: str) -> Waterfall:
    spans = sorted((span for one in traces[:TRACES_MAX] for span in spans_of(one)), key=lambda span: span.begin_us)
    return Waterfall(spans, "" if spans else problem)
