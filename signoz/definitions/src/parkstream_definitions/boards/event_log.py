"""*Event log*: where the log, the projection and the outbox stand, and what they cost."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions import foreign
from parkstream_definitions.figures import latest, percentile, rate
from parkstream_definitions.panels import Board, Line, Panel, Row, one
from parkstream_definitions.queries import along, formula, metric, percentiles

OUTCOME: Final = names.ATTRIBUTE_OUTCOME

LOG: Final = Row(
    "The log",
    (
        Panel(
            title="Position",
            meaning="Records ever written. It never goes back; a flat line: no cars, or nobody records.",
            asked=one(metric(latest(names.LOG_POSITION), legend="position")),
        ),
        Panel(
            title="Recorded per second",
            meaning="appended is new; duplicate was there before: a redelivery or a camera's retry, and no harm.",
            asked=one(metric(rate(names.RECORDS), legend=f"{{{{{OUTCOME.name}}}}}", by=along(OUTCOME))),
            unit="{count}/s",
        ),
        Panel(
            title="Events in one group commit",
            meaning="1 at leisure; it grows with load, and that is what keeps the log fast.",
            asked=percentiles(names.COMMIT_SIZE),
        ),
        Panel(
            title="Time of one group commit",
            meaning="Redis' append and fsync. Tens of ms: the disk is busy.",
            asked=percentiles(names.COMMIT_DURATION),
            unit="s",
        ),
    ),
)

PROJECTION: Final = Row(
    "The projection",
    (
        Panel(
            title="Records not projected yet",
            meaning="Near 0 while all is well. No line at all: no backend projects.",
            asked=one(metric(latest(names.PROJECTION_LAG), legend="lag")),
            lines=(Line(5_000, "stalled"), Line(500, "behind", "#F5A623")),
        ),
        Panel(
            title="Unreadable records",
            meaning="They change nothing and block nothing, but somebody must look.",
            asked=one(metric(latest(names.RECORDS_UNREADABLE), legend="unreadable")),
            draws="Number",
            lines=(Line(0, "somebody must look"),),
            width=3,
        ),
        Panel(
            title="Recording is paused",
            meaning="1 while Redis, the projection or the outbox is past its limit; messages wait in RabbitMQ then.",
            asked=one(metric(latest(names.PAUSED), legend="paused")),
            draws="Number",
            lines=(Line(0, "paused"),),
            width=3,
        ),
    ),
)

OUTBOX: Final = Row(
    "The outbox",
    (
        Panel(
            title="Summaries that wait",
            meaning="It grows while the summary API is away, and drains by itself.",
            asked=one(metric(latest(names.OUTBOX_DEPTH), legend="waiting")),
        ),
        Panel(
            title="Age of the oldest",
            meaning="How far behind the summary file is.",
            asked=one(metric(latest(names.OUTBOX_AGE), legend="age")),
            unit="s",
            lines=(Line(300, "critical"), Line(60, "late", "#F5A623")),
        ),
        Panel(
            title="Parked",
            meaning="Summaries that the API would not take; a person must redrive them.",
            asked=one(metric(latest(names.OUTBOX_PARKED), legend="parked")),
            draws="Number",
            lines=(Line(0, "somebody must look"),),
            width=3,
        ),
        Panel(
            title="Summary API failing",
            meaning="1 while POSTs are kept back because the API fails.",
            asked=one(metric(latest(names.DELIVERY_FAILING), legend="failing")),
            draws="Number",
            lines=(Line(0, "open"),),
            width=3,
        ),
        Panel(
            title="Answers of the summary API",
            meaning="Per second, by status.",
            asked=one(
                metric(
                    rate(names.DELIVERED),
                    legend=f"{{{{{names.ATTRIBUTE_STATUS.name}}}}}",
                    by=along(names.ATTRIBUTE_STATUS),
                )
            ),
            unit="{count}/s",
        ),
    ),
)

COST: Final = Row(
    "What it costs",
    (
        Panel(
            title="Redis memory in use",
            meaning="Share of maxmemory. Recording pauses at 80 %: archive before that.",
            asked=one(metric(latest(names.MEMORY_SHARE), legend="share")),
            unit="percentunit",
            lines=(Line(0.8, "recording pauses"), Line(0.7, "archive now", "#F5A623")),
        ),
        Panel(
            title="Redis bytes per record",
            meaning="All that Redis holds, by the records that are in it. Flat is right; rising is a leak.",
            asked=formula(
                "A / B",
                {"A": latest(foreign.REDIS_MEMORY), "B": latest(names.LOG_LENGTH)},
                legend="bytes per record",
            ),
            unit="By",
        ),
        Panel(
            title="fsync of the summary file, p95",
            meaning="The disk under the summary file.",
            asked=one(metric(percentile(names.SYNC_DURATION, "p95"), legend="p95")),
            unit="s",
        ),
    ),
)

EVENT_LOG: Final = Board(
    name="event-log",
    title="Event log",
    meaning="Where the log, the projection and the outbox stand, and what they cost.",
    rows=(LOG, PROJECTION, OUTBOX, COST),
)
