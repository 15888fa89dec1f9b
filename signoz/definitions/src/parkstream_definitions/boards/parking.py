"""*Parking*: the mall itself."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions.figures import increase, latest, rate
from parkstream_definitions.panels import Board, Line, Panel, Row, one
from parkstream_definitions.queries import Asked, along, metric, percentiles

OUTCOME: Final = names.ATTRIBUTE_OUTCOME

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
            meaning="The projection's count, and the exit camera's own memory: they should tell the same story.",
            asked=Asked(
                [
                    metric(latest(names.CARS_INSIDE), legend="the log", name="A"),
                    metric(latest(names.CARS_PARKED, "sum"), legend="the exit camera", name="B"),
                ]
            ),
            width=9,
        ),
        Panel(
            title="Visits that wait for a sighting",
            meaning="Held until the other camera has caught up. It must come down within seconds.",
            asked=one(metric(latest(names.VISITS_PENDING), legend="pending")),
        ),
        Panel(
            title="Sightings per second",
            meaning="What the cameras published, by outcome.",
            asked=one(metric(rate(names.PUBLISHED), legend=f"{{{{{OUTCOME.name}}}}}", by=along(OUTCOME))),
            unit="{count}/s",
        ),
    ),
)

VISITS: Final = Row(
    "Visits",
    (
        Panel(
            title="Summaries by outcome",
            meaning="entry_missed: left without an entry; exit_missed: never seen leaving; retracted: corrected.",
            asked=one(metric(increase(names.VISITS), legend=f"{{{{{OUTCOME.name}}}}}", by=along(OUTCOME))),
            draws="BarChart",
        ),
        Panel(
            title="Exits whose entry was seen",
            meaning="By the log and by the exit camera. When they part, sightings were lost or misread.",
            asked=Asked(
                [
                    metric(latest(names.VISITS_MATCHED, "min"), legend="the log", name="A"),
                    metric(latest(names.MATCHED_SHARE, "min"), legend="the exit camera", name="B"),
                ]
            ),
            unit="percentunit",
            lines=(Line(0.7, "too few", "#F5A623"),),
        ),
        Panel(
            title="How long cars stay",
            meaning="Completed visits, by the cameras' clocks.",
            asked=percentiles(names.DWELL),
            unit="s",
        ),
        Panel(
            title="Decided by the clock",
            meaning="Watermarks moved because a camera was silent or a visit was held too long.",
            asked=one(
                metric(
                    increase(names.DECISIONS),
                    legend=f"{{{{{names.ATTRIBUTE_REASON.name}}}}}",
                    by=along(names.ATTRIBUTE_REASON),
                )
            ),
            draws="BarChart",
        ),
    ),
)

PARKING: Final = Board(
    name="parking", title="Parking", meaning="The mall itself: who is inside, and how visits ended.", rows=(NOW, VISITS)
)
