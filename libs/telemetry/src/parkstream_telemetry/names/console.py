"""What the console emits."""

from parkstream_telemetry.kinds import Metric
from parkstream_telemetry.names import attributes as a

LOOKS_FAILED = Metric(
    "parking.console.looks.failed",
    "counter",
    "{look}",
    "Looks at what happens now that nobody answered: there is one a second at each, for all viewers.",
    (a.ATTRIBUTE_REASON.of("redis", "summary_api"),),
)
VIEWERS = Metric("parking.console.viewers", "gauge", "{viewer}", "People whose page follows what happens now.")
QUESTIONS_REFUSED = Metric(
    "parking.console.questions.refused",
    "counter",
    "{question}",
    "Questions that take a while, refused because too many waited: about another time, for a story, for a search.",
)
