"""The alerts of what is shut: a Redis that is not written to, and HTTP ports that refuse."""

from typing import Final

from parkstream_telemetry import names

from parkstream_definitions.figures import highest, increase
from parkstream_definitions.panels import one
from parkstream_definitions.queries import metric
from parkstream_definitions.rules import Rule, Threshold

SOON_SECONDS: Final = 10
"""For what shall be known within two minutes."""
LOG_REFUSED: Final = Rule(
    name="log-refused",
    title="Redis does not hold the log that is meant",
    meaning="It came back empty, older, or as another one. Events wait in RabbitMQ.",
    then="Run `parkstream doctor`, and restore it.",
    runbook="redis-was-lost",
    asked=one(metric(highest(names.LOG_REFUSED, "max"), legend="refused")),
    unit="none",
    matches="last",
    thresholds=(Threshold("critical", 0),),
    seconds_between=SOON_SECONDS,
)
UNSAFE: Final = Rule(
    name="redis-unsafe",
    title="Nothing may be written to Redis",
    meaning="Redis may forget what it acknowledges, or calls functions that are not ours, so recording has stopped and "
    "events wait in RabbitMQ.",
    then="Read why in a backend's /health/ready or with `parkstream doctor`; once that is mended all goes on by "
    "itself.",
    runbook="nothing-may-be-written-to-redis",
    asked=one(metric(highest(names.UNSAFE, "max"), legend="unsafe")),
    unit="none",
    matches="last",
    thresholds=(Threshold("critical", 0),),
    seconds_between=SOON_SECONDS,
)
HTTP_REFUSED: Final = Rule(
    name="http-refused",
    title="Many requests are refused",
    meaning="More than 100 requests or connections in 5 minutes were beyond a limit of the HTTP ports.",
    then="See which limit and which service on the Event log dashboard: somebody attacks, a client is broken, or the "
    "limit is too tight. Health and what is within the limits are answered meanwhile.",
    runbook="requests-are-refused",
    asked=one(metric(increase(names.HTTP_REFUSED), legend="refused")),
    unit="none",
    matches="in_total",
    thresholds=(Threshold("warning", 100),),
)
