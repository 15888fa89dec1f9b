"""*Event log*: where the log, the projection and the outbox stand, and what they cost."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions import foreign
from parkstream_definitions.boards.camera_to_disk import LATE, STATUSES
from parkstream_definitions.boards.replicas import REPLICAS
from parkstream_definitions.figures import highest, increase, latest, percentile, rate
from parkstream_definitions.panels import GREEN, GREY, ORANGE, QUANTILES, RED, Board, Line, Panel, Row, one
from parkstream_definitions.queries import average, each, formula, metric, percentiles

OUTCOME: Final = names.ATTRIBUTE_OUTCOME
LOOK: Final = (Line(0, "somebody must look"),)

LOG: Final = Row(
    "The log",
    (
        Panel(
            title="Records ever written",
            meaning="It never goes back; a flat line: no cars, or nobody records.",
            asked=one(metric(latest(names.LOG_POSITION), legend="position")),
        ),
        Panel(
            title="Recorded per second",
            meaning="appended is new; duplicate was there before: a redelivery or a camera's retry, and no harm.",
            asked=each(rate(names.RECORDS), OUTCOME),
            unit="{count}/s",
            colors={"appended": GREEN, "duplicate": GREY, "conflict": RED},
        ),
        Panel(
            title="Events in one group commit, on average",
            meaning="1 at leisure; it grows with load, and that is what keeps the log fast.",
            asked=average(names.COMMIT_SIZE, legend="events"),
            decimals="2",
        ),
        Panel(
            title="Time of one group commit",
            meaning="Redis' append and fsync. Tens of ms: the disk is busy.",
            asked=percentiles(names.COMMIT_DURATION),
            unit="s",
            colors=QUANTILES,
        ),
    ),
)

PROJECTION: Final = Row(
    "The projection",
    (
        Panel(
            title="Records not projected yet",
            meaning="Their peak in each minute; near 0 while all is well. Above 500 it is behind, above 5,000 stalled. "
            "No line at all: no backend projects.",
            asked=one(metric(highest(names.PROJECTION_LAG), legend="lag")),
            width=4,
        ),
        Panel(
            title="Redis holds another log",
            meaning="1: Redis came back empty, older, or as another one; nothing is written, events wait in RabbitMQ.",
            asked=one(metric(highest(names.LOG_REFUSED, "max"), legend="refused")),
            draws="Number",
            lines=(Line(0, "refused"),),
            width=2,
        ),
        Panel(
            title="Unreadable records",
            meaning="They change nothing and block nothing, but somebody must look.",
            asked=one(metric(highest(names.RECORDS_UNREADABLE), legend="unreadable")),
            draws="Number",
            lines=LOOK,
            width=2,
        ),
        Panel(
            title="Recording was paused",
            meaning="1: in the last 5 minutes Redis, the projection or the outbox was past its limit, for a moment at "
            "least; messages wait in RabbitMQ then.",
            asked=one(metric(highest(names.PAUSED, "max"), legend="paused")),
            draws="Number",
            lines=(Line(0, "paused"),),
            width=2,
        ),
        Panel(
            title="Steps of Redis' clock",
            meaning="Those that records are timed by since: each stood for minutes, or a person accepted it.",
            asked=one(metric(increase(names.CLOCK_STEPS), legend="steps")),
            draws="Number",
            lines=LOOK,
            width=3,
        ),
        Panel(
            title="Redis was unsafe",
            meaning="1: in the last 5 minutes nothing could be written for a moment at least, because Redis may forget "
            "what it acknowledges; messages wait in RabbitMQ then, and a backend's /health/ready says why.",
            asked=one(metric(highest(names.UNSAFE, "max"), legend="unsafe")),
            draws="Number",
            lines=LOOK,
            width=2,
        ),
    ),
)

OUTBOX: Final = Row(
    "The outbox",
    (
        Panel(
            title="Summaries that wait",
            meaning="The most in each minute. It grows while the summary API is away, and drains by itself.",
            asked=one(metric(highest(names.OUTBOX_DEPTH), legend="waiting")),
            colors={"waiting": ORANGE},
        ),
        Panel(
            title="Answers of the summary API",
            meaning="Per second, by status.",
            asked=each(rate(names.DELIVERED), names.ATTRIBUTE_STATUS),
            unit="{count}/s",
            colors=STATUSES,
        ),
        Panel(
            title="Oldest summary not delivered",
            meaning="How far behind the summary file is.",
            asked=one(metric(highest(names.OUTBOX_AGE), legend="age")),
            draws="Number",
            unit="s",
            lines=LATE,
            width=4,
        ),
        Panel(
            title="Parked",
            meaning="Summaries that the API would not take; a person must redrive them.",
            asked=one(metric(highest(names.OUTBOX_PARKED), legend="parked")),
            draws="Number",
            lines=LOOK,
            width=4,
        ),
        Panel(
            title="Delivery was failing",
            meaning="1: in the last 5 minutes a POST failed; it is tried again until the API takes it.",
            asked=one(metric(highest(names.DELIVERY_FAILING, "max"), legend="failing")),
            draws="Number",
            lines=(Line(0, "failing"),),
            width=4,
        ),
    ),
)

COST: Final = Row(
    "What it costs",
    (
        Panel(
            title="Redis memory in use",
            meaning="Share of maxmemory. Recording pauses at 80 %: archive before that.",
            asked=one(metric(highest(names.MEMORY_SHARE), legend="share")),
            unit="percentunit",
            lines=(Line(0.8, "recording pauses above 80 %"), Line(0.7, "archive above 70 %", ORANGE)),
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
            colors=QUANTILES,
        ),
        Panel(
            title="Refused at the HTTP ports",
            meaning="Requests and connections beyond a limit, or of somebody who is not let in, per minute, by reason: "
            "0 unless somebody attacks, a client is broken, or a limit is too tight.",
            asked=each(increase(names.HTTP_REFUSED), names.ATTRIBUTE_REASON),
        ),
    ),
)

CONSOLE: Final = Row(
    "The console",
    (
        Panel(
            title="Who looks at Now",
            meaning="People whose page follows what happens; however many they are, the console looks once a second.",
            asked=one(metric(highest(names.VIEWERS), legend="viewers")),
        ),
        Panel(
            title="Looks that nobody answered",
            meaning="Per minute, 60 at most, by who was asked: what the console shows is old meanwhile.",
            asked=each(increase(names.LOOKS_FAILED), names.ATTRIBUTE_REASON),
            colors={"redis": RED, "summary_api": ORANGE},
        ),
        Panel(
            title="Questions refused",
            meaning="Per minute, because too many waited: about another time, for a story, for a search. One is "
            "answered at a time, for all.",
            asked=one(metric(increase(names.QUESTIONS_REFUSED), legend="refused")),
        ),
    ),
)

EVENT_LOG: Final = Board(
    name="event-log",
    title="Event log",
    meaning="Where the log, the projection and the outbox stand, and what they cost.",
    rows=(LOG, REPLICAS, PROJECTION, OUTBOX, COST, CONSOLE),
)
