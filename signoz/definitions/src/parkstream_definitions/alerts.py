"""The alerts: what wakes somebody, why, and what to do then."""

from typing import Final

from parkstream_events import topology
from parkstream_telemetry import names

from parkstream_definitions import foreign
from parkstream_definitions.boards.camera_to_disk import WRITE
from parkstream_definitions.boards.mall import DIRECTION, GATE, GATE_LEGEND
from parkstream_definitions.boards.rabbitmq import TO_BACKENDS
from parkstream_definitions.figures import highest, increase, lowest, rate
from parkstream_definitions.log_alerts import (
    ACCESS,
    CONSOLE,
    DEAD_LETTERS_WAIT,
    HTTP_REFUSED,
    NODE_AWAY,
    OF_REDIS,
    SOON_SECONDS,
    UNSAFE,
    WRONG_CREDENTIALS,
)
from parkstream_definitions.panels import one
from parkstream_definitions.queries import Asked, along, delivered_to, formula, metric, spans, sql
from parkstream_definitions.rules import Rule, Silence, Threshold

SILENT_MINUTES: Final = 10


def silent(camera: str, key: str, queue: str) -> Rule:
    """Return the alert for a camera from which nothing comes."""
    where = delivered_to(topology.EVENTS_EXCHANGE, key, queue)
    return Rule(
        name=f"silent-{camera}-camera",
        title=f"The {camera} camera is silent",
        meaning=f"No {camera} was delivered for {SILENT_MINUTES} minutes.",
        then="Look whether the camera publishes (its /health/ready), whether messages wait in RabbitMQ, and whether a "
        "backend records. A mall that is closed is silent, too: mute the alert for the night.",
        runbook="a-camera-is-silent",
        asked=one(metric(rate(names.CONSUMED_MESSAGES), legend=camera, where=where)),
        unit="{count}/s",
        op="equal",
        thresholds=(Threshold("critical", 0),),
        minutes=SILENT_MINUTES,
    )


LOG: Final = [
    Rule(
        name="dead-letters",
        title="Dead letters arrived",
        meaning="Messages were refused; they wait unchanged in parking.dead-letters.",
        then="Read their reasons on the RabbitMQ dashboard, mend the sender, then move or delete them.",
        runbook="dead-letters",
        asked=one(
            metric(highest(foreign.QUEUE_READY), legend="waiting", where=f"queue = '{topology.DEAD_LETTERS_QUEUE}'")
        ),
        unit="none",
        matches="last",
        thresholds=(Threshold("warning", 0),),
        seconds_between=SOON_SECONDS,
    ),
    DEAD_LETTERS_WAIT,
    NODE_AWAY,
    Rule(
        name="projection-stalled",
        title="The projection is stalled",
        meaning="Records wait to be projected.",
        then="Look at the backends' /health/ready and their last error; restart one if all stand still.",
        runbook="the-projection-stands-still",
        asked=one(metric(highest(names.PROJECTION_LAG), legend="lag")),
        unit="none",
        thresholds=(Threshold("critical", 5_000), Threshold("warning", 500)),
    ),
    Silence(
        name="no-projection",
        title="No backend has reported how far the projection is",
        meaning="No backend projects, or none is there at all.",
        then="Look at the backends' /health/ready and their last error, and whether PARKSTREAM_ROLES of one says "
        "project.",
        runbook="the-projection-stands-still",
        asked=one(metric(highest(names.PROJECTION_LAG), legend="lag")),
    ),
    Silence(
        name="no-recording",
        title="No backend has reported what it records",
        meaning="No backend records, or none is there at all: events wait in RabbitMQ.",
        then="Look at the backends' /health/ready and their last error, and whether PARKSTREAM_ROLES of one says "
        "record.",
        runbook="messages-wait-in-rabbitmq",
        asked=one(metric(rate(names.CONSUMED_MESSAGES), legend="delivered", where=TO_BACKENDS)),
    ),
    *OF_REDIS,
    Rule(
        name="unreadable-records",
        title="A record cannot be read",
        meaning="It changes nothing and blocks nothing, but the visits that it belongs to may be wrong.",
        then="List them with `parkstream log unreadable`.",
        runbook="unreadable-records",
        asked=one(metric(highest(names.RECORDS_UNREADABLE), legend="unreadable")),
        unit="none",
        matches="last",
        thresholds=(Threshold("critical", 0),),
    ),
    UNSAFE,
    Rule(
        name="clock-stepped",
        title="A step of Redis' clock was taken",
        meaning="It stood for so long, or a person accepted it; records are timed by it from then on.",
        then="See whether the clock is right now. If it is not, set it right: `parkstream doctor` names a last record "
        "from the future.",
        runbook="clocks",
        asked=one(metric(increase(names.CLOCK_STEPS), legend="steps")),
        unit="none",
        matches="in_total",
        thresholds=(Threshold("warning", 0),),
    ),
    Rule(
        name="redis-memory",
        title="Redis is nearly full",
        meaning="At 80 % of maxmemory recording pauses, and messages wait in RabbitMQ.",
        then="Archive old records, or give Redis more memory.",
        runbook="messages-wait-in-rabbitmq",
        asked=one(metric(highest(names.MEMORY_SHARE), legend="share")),
        unit="percentunit",
        thresholds=(Threshold("critical", 0.8), Threshold("warning", 0.7)),
    ),
]

DELIVERY: Final = [
    Rule(
        name="outbox-age",
        title="Summaries wait too long",
        meaning="The oldest summary waits for its delivery: the summary API is away, slow or refuses.",
        then="Look at the summary API's /health/ready and its disk; the outbox drains by itself.",
        runbook="a-car-took-long",
        asked=one(metric(highest(names.OUTBOX_AGE), legend="age")),
        unit="s",
        matches="last",
        thresholds=(Threshold("critical", 300), Threshold("warning", 30)),
        seconds_between=SOON_SECONDS,
    ),
    Rule(
        name="outbox-parked",
        title="Summaries are parked",
        meaning="The summary API would not take them: conflict or invalid.",
        then="Read their problems in the console or with parkstream outbox parked, then redrive them.",
        runbook="parked-summaries",
        asked=one(metric(highest(names.OUTBOX_PARKED), legend="parked")),
        unit="none",
        matches="last",
        thresholds=(Threshold("warning", 0),),
    ),
    Rule(
        name="p99-over-budget",
        title="p99 from camera to disk is over its budget",
        meaning="Exits decided on arrival take more than 100 ms; one that has not arrived counts with its age.",
        then="Open the dashboard From camera to disk: the stage with the largest share is where to look.",
        runbook="a-car-took-long",
        asked=sql("late", legend="p99, or the age of the oldest"),
        unit="ms",
        matches="on_average",
        thresholds=(Threshold("warning", 100),),
        minutes=10,
        signal="TRACES",
    ),
    Rule(
        name="summary-file-fsync",
        title="The summary file cannot be written",
        meaning="The summary API fails to make summaries durable.",
        then="Free its disk; the API recovers by reading the file, and the outbox delivers again.",
        runbook="the-disk-of-the-summary-file-is-full",
        asked=one(spans("count()", legend="failed writes", where=f"{WRITE} AND has_error = true")),
        unit="none",
        matches="in_total",
        thresholds=(Threshold("critical", 0),),
        signal="TRACES",
    ),
    HTTP_REFUSED,
    CONSOLE,
    WRONG_CREDENTIALS,
    ACCESS,
]

MALL: Final = [
    silent("entry", topology.ENTERED_KEY, topology.ENTRIES_QUEUE),
    silent("exit", topology.EXITED_KEY, topology.EXITS_QUEUE),
    Rule(
        name="matched-share",
        title="Too few exits have their entry",
        meaning="The log matches a smaller share of the exits than the exit camera made of cars that had entered.",
        then="Sightings of the entry camera are lost or misread: look for dead letters, and at what it dropped.",
        runbook="too-few-exits-have-their-entry",
        asked=formula(
            "B - A",
            {"A": lowest(names.VISITS_MATCHED), "B": lowest(names.MATCHED_SHARE)},
            legend="missing share",
        ),
        unit="percentunit",
        thresholds=(Threshold("warning", 0.1),),
        minutes=15,
    ),
    Rule(
        name="gate-behind",
        title="A gate is behind",
        meaning="All that it reports is older than PARKSTREAM_HOLD_MAX_SECONDS: a slow clock, or a backlog.",
        then="Set the clock of its camera. Nothing waits for it meanwhile, so what it reports corrects visits.",
        runbook="a-gate-is-behind",
        asked=one(metric(highest(names.GATE_DELAY), legend=GATE_LEGEND, by=[along(DIRECTION), along(GATE)])),
        unit="s",
        thresholds=(Threshold("warning", 0),),
    ),
]

DISKS: Final = [
    Rule(
        name="broker-disk",
        title="RabbitMQ's disk is nearly full",
        meaning="Below its limit RabbitMQ blocks publishers. In compose it is the disk of everything.",
        then="Free the disk: old archives, SigNoz' retention, container images.",
        runbook="a-disk-is-nearly-full",
        asked=one(metric(lowest(foreign.RABBITMQ_DISK_FREE), legend="free")),
        unit="By",
        op="below",
        thresholds=(Threshold("critical", 2_000_000_000), Threshold("warning", 5_000_000_000)),
    ),
    Rule(
        name="disk",
        title="A disk is nearly full",
        meaning="A file system of the host; only with the profile that watches hosts.",
        then="Free it: old archives, SigNoz' retention, container images.",
        runbook="a-disk-is-nearly-full",
        asked=Asked(
            [metric(highest(foreign.DISK_USED), legend="{{mountpoint}}", by=along(foreign.DISK_USED.attributes[0]))]
        ),
        unit="percentunit",
        thresholds=(Threshold("critical", 0.95), Threshold("warning", 0.85)),
    ),
]

RULES: Final[list[Rule]] = [*LOG, *DELIVERY, *MALL, *DISKS]
