"""The alerts of what is shut or should be: a Redis that is not written to, a RabbitMQ node, and HTTP ports."""

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
REPLICAS: Final = Rule(
    name="replicas-missing",
    title="Too few replicas of Redis follow",
    meaning="Backends wait for more replicas than there are, so nothing is acknowledged and no summary is posted: "
    "events wait in RabbitMQ.",
    then="Start the replicas that are away, or see why they do not follow; all goes on by itself.",
    runbook="replicas-of-redis-are-away",
    asked=one(metric(highest(names.REPLICAS_MISSING, "max"), legend="missing")),
    unit="none",
    matches="last",
    thresholds=(Threshold("critical", 0),),
)
OF_REDIS: Final = (LOG_REFUSED, REPLICAS)
DEAD_LETTERS_WAIT: Final = Rule(
    name="dead-letters-wait",
    title="Refused messages cannot become dead letters",
    meaning="They wait unacknowledged in RabbitMQ, and hold back nothing else; a thousand per queue may.",
    then="Read why at a backend's /health/ready (dead_letters): an alarm of RabbitMQ, a queue that is full, or a "
    "right that is missing. They are published when that is mended.",
    runbook="dead-letters",
    asked=one(metric(highest(names.DEAD_LETTERS_WAITING_AGE), legend="age")),
    unit="s",
    matches="last",
    thresholds=(Threshold("critical", 3_600), Threshold("warning", 60)),
)
NODE_AWAY: Final = Rule(
    name="rabbitmq-node-away",
    title="A node of RabbitMQ is away",
    meaning="It takes no connections. Of three, one may be away and everything goes on; with two away everything "
    "waits, and nothing is lost.",
    then="Read which at a service's /health/ready (rabbitmq_nodes), and start it; parkstream doctor asks each.",
    runbook="a-node-of-rabbitmq-is-away",
    asked=one(metric(highest(names.RABBITMQ_NODES_AWAY), legend="away")),
    unit="none",
    matches="last",
    thresholds=(Threshold("critical", 1), Threshold("warning", 0)),
)
_CREDENTIAL: Final = f"{names.ATTRIBUTE_REASON.name} IN ('wrong_credential', 'role')"
HTTP_REFUSED: Final = Rule(
    name="http-refused",
    title="Many requests are refused",
    meaning="More than 100 requests or connections in 5 minutes were beyond a limit, or of somebody who is not let in.",
    then="See the reason and the service on the Event log dashboard: somebody attacks, a client is broken, or a limit "
    "is too tight. Health and what is within the limits are answered meanwhile.",
    runbook="requests-are-refused",
    asked=one(metric(increase(names.HTTP_REFUSED), legend="refused")),
    unit="none",
    matches="in_total",
    thresholds=(Threshold("warning", 100),),
)
WRONG_CREDENTIALS: Final = Rule(
    name="wrong-credentials",
    title="Somebody tries credentials",
    meaning="More than 10 requests in 5 minutes bore a credential that is none, or has not the role.",
    then="A client that still has an old one is given the new; else find who it is, and change what he may have seen.",
    runbook="requests-are-refused",
    asked=one(metric(increase(names.HTTP_REFUSED), legend="refused", where=_CREDENTIAL)),
    unit="none",
    matches="in_total",
    thresholds=(Threshold("warning", 10),),
)
ACCESS: Final = Rule(
    name="service-access",
    title="A service does not know who may call it",
    meaning="It has no credential, so whoever is on its machine may do everything, or cannot take its file of callers: "
    "then the earlier one is in force.",
    then="Do what its /health/ready names (credentials).",
    runbook="a-service-answers-401-or-403",
    asked=one(metric(highest(names.ACCESS_PROBLEM, "max"), legend="problem")),
    unit="none",
    matches="last",
    thresholds=(Threshold("warning", 0),),
)
CONSOLE: Final = Rule(
    name="console-sees-nothing",
    title="The console sees nothing",
    meaning="Redis or the summary API has not answered it for a minute of the last five: its pages show what was there "
    "before, and say so.",
    then="See on its page Running, or in its log, who does not answer; the pipeline itself may be well.",
    runbook="the-console-shows-what-is-old",
    asked=one(metric(increase(names.LOOKS_FAILED), legend="failed")),
    unit="none",
    matches="in_total",
    thresholds=(Threshold("warning", 60),),
)
