"""The traces of a car as SigNoz has them: one question to its API, which reads."""

import time
from collections.abc import Collection
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from msgspec import Struct, field
from parkstream_events.sightings import microseconds
from parkstream_events.units import DAY_US, HOUR_US, MILLISECOND_US
from parkstream_service.client import ServiceClient
from parkstream_service.unreachable import UnreachableError
from parkstream_telemetry.kept_traces.car_trace import CarTrace
from parkstream_telemetry.received_span import ReceivedSpan

PATH: Final = "/api/v5/query_range"
KEY: Final = "signoz-api-key"
SPANS_MAX: Final = 200
SILENT_SECONDS: Final = 30.0
"""Who did not answer is left alone for so long."""
_FIELDS: Final = [
    {"name": name, "fieldContext": context, "fieldDataType": type_, "signal": "traces"}
    for name, context, type_ in (
        ("service.name", "resource", "string"),
        ("name", "span", "string"),
        ("parent_span_id", "span", "string"),
        ("duration_nano", "span", "number"),
        ("has_error", "span", "bool"),
    )
]


class _Data(Struct):
    trace_id: str
    span_id: str
    name: str
    duration_nano: int
    parent_span_id: str = ""
    has_error: bool = False
    service: str = field(default="", name="service.name")


class _Row(Struct):
    timestamp: datetime
    data: _Data


class _Result(Struct):
    rows: list[_Row] | None = None


class _Results(Struct):
    results: list[_Result]


class _Query(Struct):
    data: _Results


class _Answer(Struct):
    data: _Query


class SignozTraces:
    """Asks the SigNoz at *url* with *key*."""

    def __init__(self, url: str, key: str) -> None:
        self.client = ServiceClient(headers={KEY: key})
        self._url = f"{url.rstrip('/')}{PATH}"
        self._silent_until = 0.0
        self._problem = ""

    async def of(self, trace_ids: Collection[str], recorded_us: Collection[int]) -> list[CarTrace]:
        """Return the traces *trace_ids* of what was recorded at those times; raise ``UnreachableError``."""
        if time.monotonic() < self._silent_until:
            raise UnreachableError(self._url, self._problem)
        try:
            answer = await self.client.ask(self._url, _question(trace_ids, recorded_us), _Answer)
        except UnreachableError as error:
            self._silent_until, self._problem = time.monotonic() + SILENT_SECONDS, error.why
            raise
        rows = [row for result in answer.data.data.results for row in result.rows or ()]
        spans = sorted(map(_span, rows), key=lambda one: (one.trace_id, one.start_us))
        return [CarTrace(id_, list(of)) for id_, of in groupby(spans, key=lambda one: one.trace_id)]


def _question(trace_ids: Collection[str], recorded_us: Collection[int]) -> dict[str, Any]:
    wanted = ", ".join(f"'{one}'" for one in trace_ids)
    query = {
        "name": "A",
        "signal": "traces",
        "filter": {"expression": f"trace_id IN ({wanted})"},
        "selectFields": _FIELDS,
        "order": [{"key": {"name": "timestamp"}, "direction": "asc"}],
        "limit": SPANS_MAX,
    }
    return {
        "schemaVersion": "v1",
        "start": (min(recorded_us) - HOUR_US) // MILLISECOND_US,
        "end": (max(recorded_us) + DAY_US) // MILLISECOND_US,
        "requestType": "raw",
        "compositeQuery": {"queries": [{"type": "builder_query", "spec": query}]},
        "variables": {},
    }


def _span(row: _Row) -> ReceivedSpan:
    data, start_us = row.data, microseconds(row.timestamp)
    return ReceivedSpan(
        trace_id=data.trace_id,
        span_id=data.span_id,
        parent_span_id=data.parent_span_id,
        service=data.service,
        name=data.name,
        kind="UNSPECIFIED",
        start_us=start_us,
        end_us=start_us + data.duration_nano // 1_000,
        status="ERROR" if data.has_error else "UNSET",
        attributes={},
        links=[],
        events=[],
    )
