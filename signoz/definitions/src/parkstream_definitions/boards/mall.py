"""*Parking*: the mall itself."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions.figures import highest, increase, latest, lowest, rate
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
from parkstream_definitions.queries import Asked, along, each, label, metric, percentiles

GATE: Final = names.ATTRIBUTE_GATE
OUTCOME: Final = names.ATTRIBUTE_OUTCOME
REASON: Final = names.ATTRIBUTE_REASON
DIRECTION: Final = names.ATTRIBUTE_DIRECTION
GATE_LEGEND: Final = f"{label(DIRECTION)} gate {label(GATE)}"
TWO_VIEWS: Final = {"the log": GREEN, "the exit camera": BLUE}

NOW: Final = Row(
    "Now",
    (
        Panel(
            title="Cars inside",
            meaning="Entered and not left, as the log has it.",
            asked=one(metric(latest(names.CARS_INSIDE), legend="inside")),
            draws="Number",
            width=3,
        ),
        Panel(
            title="Cars inside over time",
            meaning="The projection's count, and the exit camera's own memory: they should agree.",
            asked=Asked(
                [
                    metric(latest(names.CARS_INSIDE), legend="the log", name="A"),
                    metric(latest(names.CARS_PARKED, "sum"), legend="the exit camera", name="B"),
                ]
            ),
            colors=TWO_VIEWS,
            width=9,
        ),
        Panel(
            title="Visits that wait for a sighting",
            meaning="Pending until the other camera has caught up; the most in each minute. It must come down within "
            "seconds.",
            asked=one(metric(highest(names.VISITS_PENDING), legend="pending")),
        ),
        Panel(
            title="Sightings per second",
            meaning="What the cameras published, by outcome.",
            asked=each(rate(names.PUBLISHED), OUTCOME),
            unit="{count}/s",
        ),
        Panel(
            title="Sightings per second by gate",
            meaning="What each gate published. A gate that stops while others go on has lost its link, or is closed.",
            asked=each(rate(names.PUBLISHED), GATE),
            unit="{count}/s",
            width=12,
        ),
    ),
)

VISITS: Final = Row(
    "Visits",
    (
        Panel(
            title="Summaries by outcome",
            meaning="entry_missed: left without an entry; exit_missed: never seen leaving; retracted: corrected.",
            asked=each(increase(names.VISITS), OUTCOME),
            draws="BarChart",
            colors={"completed": GREEN, "entry_missed": ORANGE, "exit_missed": RED, "retracted": GREY},
        ),
        Panel(
            title="Exits whose entry was seen",
            meaning="By the log and by the exit camera. When they part, sightings were lost or misread.",
            asked=Asked(
                [
                    metric(lowest(names.VISITS_MATCHED), legend="the log", name="A"),
                    metric(lowest(names.MATCHED_SHARE), legend="the exit camera", name="B"),
                ]
            ),
            unit="percentunit",
            lines=(Line(0.7, "too few below 70 %", ORANGE),),
            colors=TWO_VIEWS,
        ),
        Panel(
            title="How long cars stay",
            meaning="Completed visits, by the cameras' clocks.",
            asked=percentiles(names.DWELL),
            unit="s",
            colors=QUANTILES,
        ),
        Panel(
            title="Decided by the clock",
            meaning="The watermark moved because gates were silent or behind, or a visit had waited too long.",
            asked=each(increase(names.DECISIONS), REASON),
            draws="BarChart",
            colors={"silence": BLUE, "behind": RED, "hold_max": ORANGE},
        ),
        Panel(
            title="Gates that are behind",
            meaning="How old what they report is: a slow clock, or a backlog. Nothing waits for them.",
            asked=one(metric(latest(names.GATE_DELAY), legend=GATE_LEGEND, by=[along(DIRECTION), along(GATE)])),
            unit="s",
        ),
        Panel(
            title="Sightings that change nothing",
            meaning="Of visits that were final, or of plates with as many sightings as are kept.",
            asked=each(latest(names.SIGHTINGS_IGNORED), REASON),
            colors={"too_late": ORANGE, "too_many": RED},
        ),
    ),
)

PARKING: Final = Board(
    name="parking", title="Parking", meaning="The mall itself: who is inside, and how visits ended.", rows=(NOW, VISITS)
)
