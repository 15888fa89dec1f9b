"""*From camera to disk*: how long it takes, what has not arrived, which stage takes it, and the slowest exits."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions.figures import highest, rate
from parkstream_definitions.panels import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    QUANTILES,
    RED,
    Board,
    Line,
    Panel,
    Row,
    one,
)
from parkstream_definitions.queries import (
    PIPELINE,
    SPAN_NAME,
    each,
    field,
    metric,
    span_list,
    spans,
    sql,
)

E2E: Final = names.ATTRIBUTE_E2E_DURATION_MS.name
PENDING: Final = names.ATTRIBUTE_PENDING.name
WRITE: Final = f"name = '{names.SPAN_WRITE.name}'"
BUDGET: Final = (Line(100, "budget of p99: 100 ms"), Line(15, "of p50: 15 ms", ORANGE))
LATE: Final = (Line(30, "late after 30 s"),)
STATUSES: Final = {"written": GREEN, "duplicate": GREY, "conflict": RED, "invalid": ORANGE}
STEPS: Final = {
    names.SPAN_PROJECT.name: BLUE,
    names.SPAN_DELIVER.name: ORANGE,
    names.SPAN_WRITE.name: GREEN,
}
COLUMNS: Final = [names.ATTRIBUTE_E2E_DURATION_MS, names.ATTRIBUTE_OUTCOME, names.ATTRIBUTE_VISIT_ID]

HOW_LONG: Final = Row(
    "How long from the camera to the disk",
    (
        Panel(
            title="p99 of the last 5 minutes",
            meaning="Exits decided on arrival, from their publishing to the fsync of their summary. It knows only what "
            "arrived: look at the figure beside it, too.",
            asked=one(spans(f"p99({E2E})", legend="p99", where=f"{WRITE} AND {PENDING} = false")),
            unit="ms",
            draws="Number",
            lines=BUDGET[:1],
            width=3,
        ),
        Panel(
            title="Oldest summary not delivered",
            meaning="What has not arrived counts, too: it grows by a second per second while the summary API is away.",
            asked=one(metric(highest(names.OUTBOX_AGE), legend="age")),
            unit="s",
            draws="Number",
            lines=LATE,
            width=3,
        ),
        Panel(
            title="End to end",
            meaning="Exits decided on arrival and on disk. Above the line, the panels below say which stage it is. "
            "In a gap none arrived.",
            asked=sql("end_to_end", legend="{{quantile}}"),
            unit="ms",
            lines=BUDGET,
            colors=QUANTILES,
        ),
        Panel(
            title="Age of the oldest summary not delivered",
            meaning="Its peak in each minute. Above 30 s an alert is sent, above 300 s a critical one.",
            asked=one(metric(highest(names.OUTBOX_AGE), legend="age")),
            unit="s",
            colors={"age": ORANGE},
        ),
        Panel(
            title="Visits that had to wait for a sighting",
            meaning="Decided by silence or a watermark: hold time plus the above. Seconds are normal here.",
            asked=one(spans(f"p99({E2E})", legend="p99, waited", where=f"{WRITE} AND {PENDING} = true")),
            unit="ms",
        ),
        Panel(
            title="Summaries on disk",
            meaning="Per second, by the answer: written is good, duplicate is a retry, the rest is trouble.",
            asked=each(rate(names.SUMMARIES), names.ATTRIBUTE_STATUS),
            unit="{count}/s",
            colors=STATUSES,
            width=12,
        ),
    ),
)

WHERE: Final = Row(
    "Where the time goes",
    (
        Panel(
            title="p95 per stage",
            meaning="Duration of each step: publish, process (record), project, deliver, POST, write (fsync).",
            asked=one(spans("p95(duration_nano)", legend="{{name}}", where=PIPELINE, by=SPAN_NAME)),
            unit="ns",
            colors=STEPS,
            width=12,
        ),
        Panel(
            title="Wait in the work queues",
            meaning="From the broker's confirm to the start of recording. It grows when backends are few or paused.",
            asked=sql("queue_wait", legend="{{quantile}}"),
            unit="ms",
            colors=QUANTILES,
        ),
        Panel(
            title="Errors per step",
            meaning="Failed spans. deliver: the summary API is away or refuses; publish: the broker is.",
            asked=one(
                spans("count()", legend="{{name}}", where=f"{PIPELINE} AND has_error = true", by=SPAN_NAME),
            ),
            draws="BarChart",
            colors=STEPS,
        ),
        Panel(
            title="Steps per second",
            meaning="A step that falls behind the ones before it is where things pile up.",
            asked=one(spans("rate()", legend="{{name}}", where=PIPELINE, by=SPAN_NAME)),
            unit="{count}/s",
            colors=STEPS,
            width=12,
        ),
    ),
)

SLOWEST: Final = Row(
    "The slowest exits",
    (
        Panel(
            title="Slowest exits (a click on a row opens its trace)",
            meaning="The last span of each: how long it took in ms, what became of it, and the id of its visit.",
            asked=one(span_list(f"{WRITE} AND {PENDING} = false", COLUMNS, first=names.ATTRIBUTE_E2E_DURATION_MS)),
            draws="List",
            fields=[field(column) for column in COLUMNS],
            width=12,
            height=8,
        ),
        Panel(
            title="Where their time went, ms",
            meaning="The same exits in the same order, a column per stage; the first one names the largest. deliver is "
            "from the first attempt to the last answer.",
            asked=sql("slowest"),
            draws="Table",
            width=12,
            height=8,
        ),
    ),
)

CAMERA_TO_DISK: Final = Board(
    name="camera-to-disk",
    title="From camera to disk",
    meaning="Is it fast enough, what has not arrived, which stage takes the time, and which exits were slow.",
    rows=(HOW_LONG, WHERE, SLOWEST),
)
