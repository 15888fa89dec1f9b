"""What the generators emit."""

from parkstream_telemetry.kinds import Attribute, Event, Metric
from parkstream_telemetry.names import attributes as a

PUBLISHED = Metric(
    "parking.generator.published",
    "counter",
    "{event}",
    "Sightings that RabbitMQ confirmed, by what they are and where.",
    (a.ATTRIBUTE_OUTCOME, a.ATTRIBUTE_GATE),
)
DROPPED = Metric("parking.generator.dropped", "counter", "{event}", "Sightings abandoned because the buffer was full.")
BUFFERED = Metric("parking.generator.buffered", "gauge", "{event}", "Sightings that wait for the broker.")
CARS_PARKED = Metric("parking.generator.parked", "gauge", "{car}", "Cars that the exit generator knows inside.")
MATCHED_SHARE = Metric("parking.generator.matched_share", "gauge", "1", "Share of exits whose car had entered.")

_COUNT = Attribute("parking.count", "int", "How many sightings.")

EVENT_BUFFERING = Event(
    "generator.buffering",
    "warning",
    "RabbitMQ takes nothing; sightings wait in the buffer.",
    (a.ATTRIBUTE_DETAIL, _COUNT),
)
EVENT_DROPPING = Event(
    "generator.dropping",
    "warning",
    "The broker is away and the buffer full; logged at most once a second.",
    (a.ATTRIBUTE_REASON, _COUNT),
)
EVENT_DRIVING_ENDED = Event("generator.ended", "info", "No more sightings are made; those made are published.")
EVENT_GENERATOR_FAILED = Event(
    "generator.failed", "error", "A background task failed; the process ends.", (a.ATTRIBUTE_TASK,)
)
