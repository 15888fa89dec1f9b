"""What the backend tells: record, project, deliver."""

from parkstream_telemetry.kinds import COUNTS, SECONDS, STAYS, Event, Metric
from parkstream_telemetry.names import attributes as a

RECORDS = Metric(
    "parking.record.outcomes", "counter", "{event}", "Sightings by what the log said.", (a.ATTRIBUTE_OUTCOME,)
)
DEAD_LETTERS = Metric("parking.dead_letters", "counter", "{message}", "Messages refused.", (a.ATTRIBUTE_REASON,))
QUEUE_WAIT = Metric("parking.queue.wait", "histogram", "s", "From a publish to its delivery.", (), SECONDS)
COMMIT_SIZE = Metric("parking.commit.size", "histogram", "{event}", "Events in one group commit.", (), COUNTS)
COMMIT_DURATION = Metric("parking.commit.duration", "histogram", "s", "Time of one group commit.", (), SECONDS)
LOG_POSITION = Metric("parking.log.position", "gauge", "{record}", "Position of the last record.")
LOG_LENGTH = Metric("parking.log.length", "gauge", "{record}", "Records that are in Redis, not archived.")
PROJECTION_LAG = Metric("parking.projection.lag", "gauge", "{record}", "Records that the projection has not taken in.")
RECORDS_UNREADABLE = Metric(
    "parking.records.unreadable", "gauge", "{record}", "Records that cannot be read, and that nobody acknowledged."
)
OUTBOX_DEPTH = Metric("parking.outbox.depth", "gauge", "{item}", "Summaries that wait for their delivery.")
OUTBOX_AGE = Metric("parking.outbox.age", "gauge", "s", "Age of the oldest summary that waits.")
OUTBOX_PARKED = Metric("parking.outbox.parked", "gauge", "{item}", "Summaries that the server would not take.")
CARS_INSIDE = Metric("parking.cars.inside", "gauge", "{car}", "Cars that are inside.")
VISITS_PENDING = Metric("parking.visits.pending", "gauge", "{visit}", "Visits that wait for sightings still to come.")
VISITS_MATCHED = Metric(
    "parking.visits.matched_share", "gauge", "1", "Share of visits with an exit whose entry was seen, too."
)
VISITS = Metric("parking.visits", "counter", "{summary}", "Summaries emitted, by outcome.", (a.ATTRIBUTE_OUTCOME,))
DWELL = Metric("parking.visit.dwell", "histogram", "s", "Stays of completed visits, as they are said.", (), STAYS)
DECISIONS = Metric(
    "parking.decisions",
    "counter",
    "{decision}",
    "Watermarks advanced by the clock: for `silence` or `hold_max`.",
    (a.ATTRIBUTE_DIRECTION, a.ATTRIBUTE_REASON),
)
DELIVERED = Metric("parking.delivered", "counter", "{item}", "Summaries the server answered.", (a.ATTRIBUTE_STATUS,))
DELIVERY_SIZE = Metric("parking.delivery.size", "histogram", "{item}", "Summaries in one POST.", (), COUNTS)
BREAKER_OPEN = Metric("parking.breaker.open", "gauge", "1", "1 while the circuit breaker keeps POSTs back.")
PAUSED = Metric("parking.record.paused", "gauge", "1", "1 while record takes no deliveries.")
MEMORY_SHARE = Metric("parking.redis.memory_share", "gauge", "1", "Share of Redis' maxmemory in use.")

EVENT_DEAD_LETTERED = Event(
    "record.dead_lettered",
    "warning",
    "An invalid message went to the dead letters.",
    (a.ATTRIBUTE_REASON, a.ATTRIBUTE_DETAIL, a.ATTRIBUTE_QUEUE),
)
EVENT_PAUSED = Event("record.paused", "warning", "Deliveries wait in RabbitMQ.", (a.ATTRIBUTE_REASONS,))
EVENT_RESUMED = Event("record.resumed", "info", "Deliveries are taken again.")
EVENT_DUTY_FAILED = Event("backend.duty_failed", "error", "A part of the backend failed.", (a.ATTRIBUTE_DUTY,))
EVENT_PARKED = Event(
    "deliver.parked",
    "error",
    "The server would not take a summary; it waits for a person.",
    (a.ATTRIBUTE_OUTBOX_ID, a.ATTRIBUTE_PROBLEM),
)
EVENT_BREAKER_OPENED = Event("deliver.breaker_opened", "warning", "POSTs are kept back.", (a.ATTRIBUTE_PROBLEM,))
EVENT_BREAKER_CLOSED = Event("deliver.breaker_closed", "info", "POSTs are sent again.")
EVENT_UNREADABLE = Event(
    "project.unreadable",
    "error",
    "A record cannot be read; it changes nothing.",
    (a.ATTRIBUTE_POSITION, a.ATTRIBUTE_DETAIL),
)
EVENT_RULES_CHANGED = Event(
    "rules.changed", "info", "The rules that the settings ask for are in force from here on.", (a.ATTRIBUTE_POSITION,)
)
EVENT_SWITCHED = Event(
    "project.switched",
    "info",
    "Another version of the projection is live: it goes on with that.",
    (a.ATTRIBUTE_VERSION,),
)
