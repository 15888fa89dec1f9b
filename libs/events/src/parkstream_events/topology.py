"""Every name that RabbitMQ knows us by, in one place."""

EVENTS_EXCHANGE = "parking.events"
ENTERED_KEY = "vehicle.entered"
EXITED_KEY = "vehicle.exited"
ENTRIES_QUEUE = "parking.entries"
EXITS_QUEUE = "parking.exits"
DEAD_LETTERS_EXCHANGE = "parking.dead-letters"
DEAD_LETTERS_QUEUE = "parking.dead-letters"
SEEN_ENTERING_QUEUE = "parking.entries.exit-generator"
SEEN_ENTERING_LENGTH_MAX = 100_000

WORK_QUEUES = {ENTRIES_QUEUE: ENTERED_KEY, EXITS_QUEUE: EXITED_KEY}
"""Queue to routing key: what every publisher makes sure of before it publishes."""

WORK_QUEUE_ARGUMENTS: dict[str, object] = {
    "x-queue-type": "quorum",
    "x-dead-letter-exchange": DEAD_LETTERS_EXCHANGE,
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",
}
DEAD_LETTERS_QUEUE_ARGUMENTS: dict[str, object] = {"x-queue-type": "quorum"}
SEEN_ENTERING_QUEUE_ARGUMENTS: dict[str, object] = {
    "x-queue-type": "quorum",
    "x-max-length": SEEN_ENTERING_LENGTH_MAX,
    "x-overflow": "drop-head",
}
DELIVERY_UNLIMITED_ARGUMENTS: dict[str, object] = {"x-delivery-limit": -1}
"""For every queue on RabbitMQ 4.0 and later, which else dead-letters a valid event after 20 crashes of its consumer.

Before 4.0 there is no limit when the argument is absent, and -1 is taken as a limit that the first redelivery exceeds.
"""

PUBLISHED_AT_HEADER = "x-published-at-us"
TRACEPARENT_HEADER = "traceparent"
LINKED_TRACEPARENT_HEADER = "x-parkstream-linked-traceparent"
"""On an exit: the trace of its car's entry, which the span of the publish links to."""
GATE_HEADER = "x-parkstream-gate"
"""Of the camera that publishes: what the span of the publish names. The body says it to everybody else."""
PASSED_AT_HEADER = "x-parkstream-passed-at-us"
"""On the first read of a car that creeps past a camera: when it has passed; on the others 0: the same car."""
REASON_HEADER = "x-parkstream-reason"
DETAIL_HEADER = "x-parkstream-detail"
ORIGINAL_QUEUE_HEADER = "x-original-queue"
LEFT_OUT_HEADER = "x-parkstream-left-out"
"""On a dead letter: the properties, separated by commas, that could not be written as they had come."""

MARK_EXCHANGE = "parking.mark"
MARK_QUEUE = "parking.mark"
MARK_QUEUE_ARGUMENTS: dict[str, object] = {
    "x-queue-type": "stream",
    "x-max-length-bytes": 200_000,
    "x-stream-max-segment-size-bytes": 100_000,
}
"""Whole segments are dropped, never the newest: it holds 400 marks or more."""
