"""What the backend emits: record, project, deliver."""

from parkstream_events.summaries import ItemStatus, Outcome
from parkstream_events.wire import Refusal

from parkstream_telemetry.kinds import COUNTS, SECONDS, STAYS, Event, Metric
from parkstream_telemetry.names import attributes as a

RECORDS = Metric(
    "parking.record.outcomes",
    "counter",
    "{event}",
    "Sightings by what the log answered.",
    (a.ATTRIBUTE_OUTCOME.of("appended", "duplicate"),),
)
DEAD_LETTERS = Metric(
    "parking.dead_letters", "counter", "{message}", "Messages refused.", (a.ATTRIBUTE_REASON.of(*Refusal),)
)
DEAD_LETTERS_WAITING = Metric(
    "parking.dead_letters.waiting",
    "gauge",
    "{message}",
    "Messages that are refused, and cannot be published to the dead letters yet.",
)
DEAD_LETTERS_WAITING_AGE = Metric(
    "parking.dead_letters.waiting_age", "gauge", "s", "For how long the oldest of them has been waiting."
)
QUEUE_WAIT = Metric("parking.queue.wait", "histogram", "s", "From a publish to its delivery.", (), SECONDS)
COMMIT_SIZE = Metric("parking.commit.size", "histogram", "{event}", "Events in one group commit.", (), COUNTS)
COMMIT_DURATION = Metric("parking.commit.duration", "histogram", "s", "Time of one group commit.", (), SECONDS)
REPLICAS_WAIT = Metric(
    "parking.replicas.wait",
    "histogram",
    "s",
    "For how long it was waited until replicas of Redis had what was written.",
    (),
    SECONDS,
)
REPLICAS_IN_STEP = Metric(
    "parking.replicas.in_step", "gauge", "{replica}", "Replicas that follow Redis; 0 where none is waited for."
)
REPLICAS_MISSING = Metric(
    "parking.replicas.missing", "gauge", "{replica}", "Replicas that must follow for anything to be acknowledged."
)
LOG_POSITION = Metric("parking.log.position", "gauge", "{record}", "Position of the last record.")
LOG_LENGTH = Metric("parking.log.length", "gauge", "{record}", "Records that are in Redis, not archived.")
LOG_REFUSED = Metric(
    "parking.log.refused", "gauge", "1", "1 while Redis holds another log than the mark names, or a shorter one."
)
PROJECTION_LAG = Metric("parking.projection.lag", "gauge", "{record}", "Records that the projection has not taken in.")
RECORDS_UNREADABLE = Metric(
    "parking.records.unreadable", "gauge", "{record}", "Records that cannot be read, and that nobody acknowledged."
)
OUTBOX_DEPTH = Metric("parking.outbox.depth", "gauge", "{item}", "Summaries that wait for their delivery.")
OUTBOX_AGE = Metric(
    "parking.outbox.age", "gauge", "s", "Age of the oldest summary that has not arrived, since its cause was recorded."
)
OUTBOX_PARKED = Metric("parking.outbox.parked", "gauge", "{item}", "Summaries that the server would not take.")
CARS_INSIDE = Metric("parking.cars.inside", "gauge", "{car}", "Cars that are inside.")
VISITS_PENDING = Metric("parking.visits.pending", "gauge", "{visit}", "Visits that wait for the watermark.")
VISITS_MATCHED = Metric(
    "parking.visits.matched_share", "gauge", "1", "Share of visits with an exit whose entry was recorded, too."
)
VISITS = Metric(
    "parking.visits", "counter", "{summary}", "Summaries emitted, by outcome.", (a.ATTRIBUTE_OUTCOME.of(*Outcome),)
)
SIGHTINGS_IGNORED = Metric(
    "parking.sightings.ignored",
    "gauge",
    "{sighting}",
    "Sightings that change nothing: of a final visit, or of a plate that has as many as are kept.",
    (a.ATTRIBUTE_REASON.of("too_late", "too_many"),),
)
GATE_DELAY = Metric(
    "parking.gate.delay",
    "gauge",
    "s",
    "How old what a gate reports is; only of gates that are behind.",
    (a.ATTRIBUTE_DIRECTION.of("entry", "exit"), a.ATTRIBUTE_GATE),
)
DWELL = Metric("parking.visit.dwell", "histogram", "s", "Stays of completed visits, as they are emitted.", (), STAYS)
DECISIONS = Metric(
    "parking.decisions",
    "counter",
    "{decision}",
    "Decisions of the watermark generator, by reason.",
    (a.ATTRIBUTE_REASON.of("silence", "behind", "hold_max"),),
)
DELIVERED = Metric(
    "parking.delivered", "counter", "{item}", "Summaries the server answered.", (a.ATTRIBUTE_STATUS.of(*ItemStatus),)
)
DELIVERY_SIZE = Metric("parking.delivery.size", "histogram", "{item}", "Summaries in one POST.", (), COUNTS)
DELIVERY_ATTEMPTS = Metric(
    "parking.delivery.attempts",
    "counter",
    "{attempt}",
    "POSTs by what came of them.",
    (a.ATTRIBUTE_OUTCOME.of("answered", "refused", "unavailable", "forbidden"),),
)
DELIVERY_FAILING = Metric("parking.delivery.failing", "gauge", "1", "1 while the last POST failed.")
PAUSED = Metric("parking.record.paused", "gauge", "1", "1 while record takes no deliveries.")
UNSAFE = Metric("parking.redis.unsafe", "gauge", "1", "1 while nothing may be written to Redis; ready says why.")
CLOCK_STEPS = Metric(
    "parking.clock.steps", "counter", "{step}", "Steps of Redis' clock that records are timed by from then on."
)
MEMORY_SHARE = Metric("parking.redis.memory_share", "gauge", "1", "Share of Redis' maxmemory in use.")

EVENT_DEAD_LETTERED = Event(
    "record.dead_lettered",
    "warning",
    "An invalid message went to the dead letters.",
    (a.ATTRIBUTE_REASON, a.ATTRIBUTE_DETAIL, a.ATTRIBUTE_QUEUE),
)
EVENT_PAUSED = Event("record.paused", "warning", "Deliveries wait in RabbitMQ.", (a.ATTRIBUTE_REASONS,))
EVENT_UNSAFE = Event(
    "redis.unsafe", "error", "Nothing is recorded until that is mended.", (a.ATTRIBUTE_REASON, a.ATTRIBUTE_DETAIL)
)
EVENT_CLOCK_TAKEN = Event("clock.taken", "error", "Redis' clock had stepped, and records are timed by it from here on.")
EVENT_RESUMED = Event("record.resumed", "info", "Deliveries are taken again.")
EVENT_LOG_REFUSED = Event(
    "log.refused",
    "error",
    "Redis does not hold the log that is meant; nothing is written.",
    (a.ATTRIBUTE_PROBLEM,),
)
EVENT_LOG_ACCEPTED = Event(
    "log.accepted", "info", "Redis holds the log that the mark names; writing goes on.", (a.ATTRIBUTE_POSITION,)
)
EVENT_TASK_FAILED = Event(
    "backend.task_failed", "error", "A background task failed; the process ends.", (a.ATTRIBUTE_TASK,)
)
EVENT_PARKED = Event(
    "deliver.parked",
    "error",
    "The server would not take a summary; it waits for a person.",
    (a.ATTRIBUTE_OUTBOX_ID, a.ATTRIBUTE_PROBLEM),
)
EVENT_DELIVERY_FAILING = Event(
    "deliver.failing",
    "warning",
    "The summary API takes nothing; it is tried again until it does.",
    (a.ATTRIBUTE_PROBLEM,),
)
EVENT_DELIVERY_RESUMED = Event("deliver.resumed", "info", "The summary API takes summaries again.")
EVENT_UNREADABLE = Event(
    "project.unreadable",
    "error",
    "A record cannot be read; it changes nothing.",
    (a.ATTRIBUTE_POSITION, a.ATTRIBUTE_REASON),
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
