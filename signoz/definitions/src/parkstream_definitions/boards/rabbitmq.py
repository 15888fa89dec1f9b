"""*RabbitMQ*: what waits, who takes it, and what was refused."""

from typing import Final

from parkstream_events import topology
from parkstream_telemetry import names

from parkstream_definitions import foreign
from parkstream_definitions.figures import highest, increase, latest, lowest, percentile, rate
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
from parkstream_definitions.queries import Asked, along, delivered_to, each, metric

BY_QUEUE: Final = along(foreign.QUEUE_READY.attributes[0])
DEAD: Final = f"queue = '{topology.DEAD_LETTERS_QUEUE}'"
WORK: Final = f"queue != '{topology.DEAD_LETTERS_QUEUE}'"
REASON: Final = names.ATTRIBUTE_REASON
QUEUES_OF_WORK: Final = {
    topology.ENTRIES_QUEUE: BLUE,
    topology.EXITS_QUEUE: GREEN,
    topology.DEAD_LETTERS_QUEUE: RED,
    topology.SEEN_ENTERING_QUEUE: GREY,
}
TO_BACKENDS: Final = " OR ".join(
    delivered_to(topology.EVENTS_EXCHANGE, key, queue) for queue, key in topology.WORK_QUEUES.items()
)

QUEUES: Final = Row(
    "Queues",
    (
        Panel(
            title="Messages that wait",
            meaning="Ready, per queue, the most in each minute. A backlog that grows: backends are away, paused or too "
            "slow; 10,000 are minutes.",
            asked=one(metric(highest(foreign.QUEUE_READY), legend="{{queue}}", by=BY_QUEUE)),
            colors=QUEUES_OF_WORK,
        ),
        Panel(
            title="Messages delivered, not settled",
            meaning="Unacknowledged, per queue: up to the prefetch of all consumers. Stuck at the top: a commit hangs.",
            asked=one(metric(highest(foreign.QUEUE_UNACKED), legend="{{queue}}", by=BY_QUEUE)),
            colors=QUEUES_OF_WORK,
        ),
        Panel(
            title="Consumers",
            meaning="Per queue, the fewest in each minute. 0 on a work queue means that nobody records.",
            asked=one(metric(lowest(foreign.QUEUE_CONSUMERS), legend="{{queue}}", where=WORK, by=BY_QUEUE)),
            colors=QUEUES_OF_WORK,
        ),
        Panel(
            title="Wait until delivery, p95",
            meaning="From the camera's publish to the delivery, as the backends see it.",
            asked=one(metric(percentile(names.QUEUE_WAIT, "p95"), legend="p95")),
            unit="s",
            colors=QUANTILES,
        ),
    ),
)

RATES: Final = Row(
    "Rates",
    (
        Panel(
            title="Messages per second",
            meaning="Published and confirmed by RabbitMQ, delivered to backends, recorded: all the same while all is "
            "well. The exit generator's own copy of each entry is left out; a dead letter is published twice.",
            asked=Asked(
                [
                    metric(rate(foreign.PUBLISHED), legend="published", name="A"),
                    metric(rate(foreign.CONFIRMED), legend="confirmed", name="B"),
                    metric(rate(names.CONSUMED_MESSAGES), legend="delivered", where=TO_BACKENDS, name="C"),
                    metric(rate(names.RECORDS), legend="recorded", name="D"),
                ]
            ),
            unit="{count}/s",
            colors={"published": BLUE, "confirmed": GREEN, "delivered": ORANGE, "recorded": RED},
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
            colors={"redelivered": ORANGE, "unroutable": RED},
        ),
    ),
)

REFUSED: Final = Row(
    "Dead letters",
    (
        Panel(
            title="Dead letters that wait",
            meaning="Nothing is lost: each waits unchanged, with its reason, until somebody looks.",
            asked=one(metric(highest(foreign.QUEUE_READY), legend="waiting", where=DEAD)),
            draws="Number",
            lines=(Line(0, "somebody must look"),),
            width=3,
        ),
        Panel(
            title="Refused, no dead letters yet",
            meaning="They wait unacknowledged, and hold back nothing else; a backend's /health/ready says why.",
            asked=one(metric(highest(names.DEAD_LETTERS_WAITING), legend="waiting")),
            draws="Number",
            lines=(Line(0, "RabbitMQ does not take them"),),
            width=3,
        ),
        Panel(
            title="Refused, by reason",
            meaning="docs/runbook.md says what each reason means.",
            asked=each(increase(names.DEAD_LETTERS), REASON),
            draws="BarChart",
            width=6,
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
            title="Nodes that are away",
            meaning="Nodes of a cluster that take no connections; a service's /health/ready says which. A quorum queue "
            "works while most of its members do.",
            asked=one(metric(highest(names.RABBITMQ_NODES_AWAY), legend="away")),
            lines=(Line(0, "start it"),),
        ),
        Panel(
            title="Free disk",
            meaning="Below 5 GB an alert is sent, below 2 GB a critical one: RabbitMQ soon blocks publishers. In "
            "compose it is the disk of everything.",
            asked=one(metric(lowest(foreign.RABBITMQ_DISK_FREE), legend="free")),
            unit="By",
        ),
    ),
)

RABBITMQ: Final = Board(
    name="rabbitmq",
    title="RabbitMQ",
    meaning="What waits, who takes it, what was refused.",
    rows=(QUEUES, RATES, REFUSED, BROKER),
)
