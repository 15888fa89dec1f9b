"""*RabbitMQ*: what waits, who takes it, and what was refused."""

from typing import Final

from parkstream_events import topology
from parkstream_telemetry import names

from parkstream_definitions import foreign
from parkstream_definitions.figures import increase, latest, percentile, rate
from parkstream_definitions.panels import Board, Line, Panel, Row, one
from parkstream_definitions.queries import Asked, along, metric

BY_QUEUE: Final = along(foreign.QUEUE_READY.attributes[0])
DEAD: Final = f"queue = '{topology.DEAD_LETTERS_QUEUE}'"
WORK: Final = f"queue != '{topology.DEAD_LETTERS_QUEUE}'"
REASON: Final = names.ATTRIBUTE_REASON

QUEUES: Final = Row(
    "Queues",
    (
        Panel(
            title="Messages that wait",
            meaning="Ready, per queue. A backlog that grows: backends are away, paused or too slow.",
            asked=one(metric(latest(foreign.QUEUE_READY), legend="{{queue}}", by=BY_QUEUE)),
            lines=(Line(10_000, "minutes of backlog", "#F5A623"),),
        ),
        Panel(
            title="Messages delivered, not settled",
            meaning="Unacknowledged, per queue: up to the prefetch of all consumers. Stuck at the top: a commit hangs.",
            asked=one(metric(latest(foreign.QUEUE_UNACKED), legend="{{queue}}", by=BY_QUEUE)),
        ),
        Panel(
            title="Consumers",
            meaning="Per queue. 0 on a work queue means that nobody records.",
            asked=one(metric(latest(foreign.QUEUE_CONSUMERS), legend="{{queue}}", where=WORK, by=BY_QUEUE)),
        ),
        Panel(
            title="Wait until delivery, p95",
            meaning="From the camera's publish to the delivery, as the backends see it.",
            asked=one(metric(percentile(names.QUEUE_WAIT, "p95"), legend="p95")),
            unit="s",
        ),
    ),
)

RATES: Final = Row(
    "Rates",
    (
        Panel(
            title="Messages per second",
            meaning="In, confirmed, out and settled; they lie on each other while all is well.",
            asked=Asked(
                [
                    metric(rate(foreign.PUBLISHED), legend="published", name="A"),
                    metric(rate(foreign.CONFIRMED), legend="confirmed", name="B"),
                    metric(rate(foreign.DELIVERED), legend="delivered", name="C"),
                    metric(rate(foreign.ACKNOWLEDGED), legend="acknowledged", name="D"),
                ]
            ),
            unit="{count}/s",
        ),
        Panel(
            title="Handed out again, or to nobody",
            meaning="Redelivered: a consumer died with messages in hand. Unroutable: a queue or binding is missing.",
            asked=Asked(
                [
                    metric(rate(foreign.REDELIVERED), legend="redelivered", name="A"),
                    metric(rate(foreign.UNROUTABLE), legend="unroutable", name="B"),
                ]
            ),
            unit="{count}/s",
        ),
    ),
)

REFUSED: Final = Row(
    "Dead letters",
    (
        Panel(
            title="Dead letters that wait",
            meaning="Nothing is lost: each waits unchanged, with its reason, until somebody looks.",
            asked=one(metric(latest(foreign.QUEUE_READY), legend="waiting", where=DEAD)),
            draws="Number",
            lines=(Line(0, "somebody must look"),),
            width=3,
        ),
        Panel(
            title="Refused, by reason",
            meaning="docs/runbook.md says what each reason means.",
            asked=one(metric(increase(names.DEAD_LETTERS), legend=f"{{{{{REASON.name}}}}}", by=along(REASON))),
            draws="BarChart",
            width=9,
        ),
    ),
)

BROKER: Final = Row(
    "The broker",
    (
        Panel(
            title="Memory",
            meaning="Past its watermark RabbitMQ blocks publishers; cameras buffer then.",
            asked=one(metric(latest(foreign.RABBITMQ_MEMORY), legend="resident")),
            unit="By",
        ),
        Panel(
            title="Free disk",
            meaning="Below its limit RabbitMQ blocks publishers. In compose it is the disk of everything.",
            asked=one(metric(latest(foreign.RABBITMQ_DISK_FREE, "min"), legend="free")),
            unit="By",
            lines=(Line(2_000_000_000, "2 GB left"),),
        ),
    ),
)

RABBITMQ: Final = Board(
    name="rabbitmq",
    title="RabbitMQ",
    meaning="What waits, who takes it, what was refused.",
    rows=(QUEUES, RATES, REFUSED, BROKER),
)
