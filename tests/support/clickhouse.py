"""ClickHouse in this process, with tables of spans and of points shaped like those of SigNoz v0.138."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from chdb import session
from parkstream_telemetry.received_span import KINDS, ReceivedSpan

TABLE = """
CREATE DATABASE IF NOT EXISTS signoz_traces;
DROP TABLE IF EXISTS signoz_traces.distributed_signoz_index_v3;
CREATE TABLE signoz_traces.distributed_signoz_index_v3
(
    ts_bucket_start UInt64,
    resource_fingerprint String,
    timestamp DateTime64(9),
    trace_id FixedString(32),
    span_id String,
    parent_span_id String,
    name LowCardinality(String),
    kind Int8,
    kind_string String,
    duration_nano UInt64,
    has_error Bool,
    attributes_string Map(LowCardinality(String), String),
    attributes_number Map(LowCardinality(String), Float64),
    attributes_bool Map(LowCardinality(String), Bool),
    resources_string Map(LowCardinality(String), String)
)
ENGINE = MergeTree ORDER BY (ts_bucket_start, resource_fingerprint, name, timestamp);
CREATE DATABASE IF NOT EXISTS signoz_metrics;
DROP TABLE IF EXISTS signoz_metrics.distributed_samples_v4;
CREATE TABLE signoz_metrics.distributed_samples_v4
(
    env LowCardinality(String) DEFAULT 'default',
    temporality LowCardinality(String) DEFAULT 'Unspecified',
    metric_name LowCardinality(String),
    fingerprint UInt64,
    unix_milli Int64,
    value Float64,
    flags UInt32 DEFAULT 0
)
ENGINE = MergeTree ORDER BY (env, temporality, metric_name, fingerprint, unix_milli);
"""
BUCKET_SECONDS = 1800


class ClickHouse:
    """Holds spans, and answers the SQL of a dashboard over a range of time, as SigNoz puts it in."""

    def __init__(self, folder: Path) -> None:
        self._session = session.Session(str(folder))
        for statement in filter(str.strip, TABLE.split(";")):
            self._session.query(statement)

    def close(self) -> None:
        """Let go of the folder."""
        self._session.close()

    def insert(self, spans: Iterable[ReceivedSpan]) -> None:
        """Keep *spans*."""
        rows = "\n".join(json.dumps(_row(span)) for span in spans)
        self._session.query(f"INSERT INTO signoz_traces.distributed_signoz_index_v3 FORMAT JSONEachRow {rows}")

    def insert_points(self, points: Iterable[tuple[str, int, float]]) -> None:
        """Keep *points* of metrics: name, ms since the epoch, value."""
        keys = ("metric_name", "unix_milli", "value")
        rows = "\n".join(json.dumps(dict(zip(keys, point, strict=True)) | {"fingerprint": 1}) for point in points)
        self._session.query(f"INSERT INTO signoz_metrics.distributed_samples_v4 FORMAT JSONEachRow {rows}")

    def run(self, statement: str) -> str:
        """Return what ClickHouse answers to *statement*."""
        return str(self._session.query(statement, "TSV"))

    def ask(self, sql: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
        """Return the rows of *sql* from *start* to *end*."""
        begins, ends = int(start.timestamp()), int(end.timestamp())
        values = {
            "start_timestamp": begins,
            "end_timestamp": ends,
            "start_datetime": f"toDateTime({begins})",
            "end_datetime": f"toDateTime({ends})",
        }
        for name, value in values.items():
            sql = sql.replace(f"{{{{.{name}}}}}", str(value))
        text = str(self._session.query(sql, "JSONEachRow"))
        return [json.loads(line) for line in text.splitlines()]

    def types(self, sql: str, start: datetime, end: datetime) -> dict[str, str]:
        """Return the columns of *sql* and their types."""
        rows = self.ask(f"DESCRIBE ({sql})", start, end)
        return {row["name"]: row["type"] for row in rows}


def _row(span: ReceivedSpan) -> dict[str, Any]:
    of_kind: dict[str, dict[str, Any]] = {"string": {}, "number": {}, "bool": {}}
    for key, value in span.attributes.items():
        kind = "bool" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "string"
        of_kind[kind][key] = value
    began = datetime.fromtimestamp(span.start_us // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return {
        "ts_bucket_start": span.start_us // 1_000_000 // BUCKET_SECONDS * BUCKET_SECONDS,
        "resource_fingerprint": span.service,
        "timestamp": f"{began}.{span.start_us % 1_000_000:06}000",
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "name": span.name,
        "kind": KINDS.index(span.kind),
        "kind_string": span.kind.capitalize(),
        "duration_nano": (span.end_us - span.start_us) * 1000,
        "has_error": span.status == "ERROR",
        **{f"attributes_{kind}": values for kind, values in of_kind.items()},
        "resources_string": {"service.name": span.service},
    }
