"""*From camera to disk*: how long it takes, which stage takes it, and the slowest exits."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions.figures import rate
from parkstream_definitions.panels import Board, Line, Panel, Row, one
from parkstream_definitions.queries import SPAN_NAME, along, field, metric, span_list, spans, sql

E2E: Final = names.ATTRIBUTE_E2E_DURATION_MS.name
HELD: Final = names.ATTRIBUTE_PENDING.name
WRITE: Final = f"name = '{names.SPAN_WRITE.name}'"
BUDGET: Final = (Line(100, "budget of p99: 100 ms"), Line(15, "budget of p50: 15 ms", "#F5A623"))
COLUMNS: Final = [
    names.ATTRIBUTE_E2E_DURATION_MS,
    names.ATTRIBUTE_OUTCOME,
    names.ATTRIBUTE_VISIT_ID,
    names.ATTRIBUTE_PENDING,
]

HOW_LONG: Final = Row(
    "How long from the camera to the disk",
    (
        Panel(
            title="p99 now",
            meaning="Exits decided on arrival, from their publishing to the fsync of their summary.",
            asked=one(spans(f"p99({E2E})", legend="p99", where=f"{WRITE} AND {HELD} = false")),
            unit="ms",
            draws="Number",
            lines=BUDGET[:1],
            width=3,
        ),
        Panel(
            title="End to end",
            meaning="Exits decided on arrival. Above the line, the panels below say which stage it is.",
            asked=sql("end_to_end", legend="{{quantile}}"),
            unit="ms",
            lines=BUDGET,
            width=9,
        ),
        Panel(
            title="Visits that had to wait for a sighting",
            meaning="Decided by silence or a watermark: hold time plus the above. Seconds are normal here.",
            asked=one(spans(f"p99({E2E})", legend="p99, held", where=f"{WRITE} AND {HELD} = true")),
            unit="ms",
        ),
        Panel(
            title="Summaries on disk",
            meaning="Per second, by what the file said: written is good, duplicate is a retry, the rest is trouble.",
            asked=one(
                metric(
                    rate(names.SUMMARIES),
                    legend=f"{{{{{names.ATTRIBUTE_STATUS.name}}}}}",
                    by=along(names.ATTRIBUTE_STATUS),
                )
            ),
            unit="{count}/s",
        ),
    ),
)

WHERE: Final = Row(
    "Where the time goes",
    (
        Panel(
            title="p95 per stage",
            meaning="Duration of each step: publish, process (record), project, deliver, POST, write (fsync).",
            asked=one(
                spans("p95(duration_nano)", legend="{{name}}", where="service.name LIKE 'parkstream-%'", by=SPAN_NAME)
            ),
            unit="ns",
        ),
        Panel(
            title="Wait in the work queues",
            meaning="From the broker's confirm to the start of recording. It grows when backends are few or paused.",
            asked=sql("queue_wait", legend="{{quantile}}"),
            unit="ms",
        ),
        Panel(
            title="Steps per second",
            meaning="A step that falls behind the ones before it is where things pile up.",
            asked=one(spans("rate()", legend="{{name}}", where="service.name LIKE 'parkstream-%'", by=SPAN_NAME)),
            unit="{count}/s",
        ),
        Panel(
            title="Errors per step",
            meaning="Failed spans. deliver: the summary API is away or refuses; publish: the broker is.",
            asked=one(
                spans(
                    "count()",
                    legend="{{name}}",
                    where="service.name LIKE 'parkstream-%' AND has_error = true",
                    by=SPAN_NAME,
                )
            ),
            draws="BarChart",
        ),
    ),
)

SLOWEST: Final = Row(
    "The slowest exits",
    (
        Panel(
            title="Slowest exits (click one for its trace)",
            meaning="The last span of each: how long it took and what became of it.",
            asked=one(span_list(f"{WRITE} AND {HELD} = false", COLUMNS, first=names.ATTRIBUTE_E2E_DURATION_MS)),
            draws="List",
            fields=[field(column) for column in COLUMNS],
            width=12,
            height=8,
        ),
        Panel(
            title="Where their time went",
            meaning="The same exits by stage. The largest column is the stage to look at.",
            asked=sql("slowest"),
            draws="Table",
            columns={
                f"{stage}_ms": "ms"
                for stage in ("total", "publish", "queue", "record", "project", "outbox", "deliver", "write")
            },
            width=12,
            height=8,
        ),
    ),
)

CAMERA_TO_DISK: Final = Board(
    name="camera-to-disk",
    title="From camera to disk",
    meaning="Is it fast enough, which stage takes the time, and which exits were slow.",
    rows=(HOW_LONG, WHERE, SLOWEST),
)
