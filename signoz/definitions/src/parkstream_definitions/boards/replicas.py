"""Of *Event log* the row about the replicas of Redis."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions.figures import highest, latest
from parkstream_definitions.panels import QUANTILES, Line, Panel, Row, one
from parkstream_definitions.queries import metric, percentiles

REPLICAS: Final = Row(
    "The replicas of Redis",
    (
        Panel(
            title="Wait for replicas",
            meaning="How long a group of records, or of summaries, waited until replicas had it on disk. No line: "
            "PARKSTREAM_REDIS_REPLICAS_MIN is 0.",
            asked=percentiles(names.REPLICAS_WAIT),
            unit="s",
            colors=QUANTILES,
        ),
        Panel(
            title="Replicas in step",
            meaning="Those that follow the primary; it goes down for seconds when another becomes the primary.",
            asked=one(metric(latest(names.REPLICAS_IN_STEP), legend="replicas")),
            width=4,
        ),
        Panel(
            title="Replicas that are missing",
            meaning="Above 0 too few follow, and nothing is acknowledged: events wait in RabbitMQ.",
            asked=one(metric(highest(names.REPLICAS_MISSING, "max"), legend="missing")),
            draws="Number",
            lines=(Line(0, "somebody must look"),),
            width=2,
        ),
    ),
)
