"""What the backend is set to: every variable of its environment."""

from enum import StrEnum
from typing import Annotated

from msgspec import Meta
from parkstream_events.keys import MALL_PATTERN
from parkstream_events.sightings import normalised_plate
from parkstream_events.units import DAY_US, SECOND_US
from parkstream_events.wire import PLACEHOLDERS
from parkstream_service.settings import AMQP_URL, HTTP_URL, REDIS_URL, TelemetrySettings, env_name
from parkstream_visits import Rules

Seconds = Annotated[float, Meta(ge=0, le=10 * 365 * 86_400, extra={"unit": "s"})]


class Role(StrEnum):
    """What a backend process does; each may run alone, in any number."""

    RECORD = "record"
    PROJECT = "project"
    DELIVER = "deliver"


class Queue(StrEnum):
    """What a recording process takes."""

    ENTRIES = "entries"
    EXITS = "exits"


class Settings(TelemetrySettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The backend's environment."""

    rabbitmq_url: Annotated[str, Meta(description="Where RabbitMQ is.", extra=AMQP_URL)] = (
        "amqp://guest:guest@localhost:5672/"
    )
    redis_url: Annotated[
        str, Meta(description="Where Redis is, without a database: the backend's is 0.", extra=REDIS_URL)
    ] = "redis://localhost:6379"
    redis_replicas_min: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="How many replicas of Redis must have a record on disk before it is acknowledged, and what a "
            "summary is made of before it is posted.",
        ),
    ] = 0
    mall: Annotated[str, Meta(min_length=1, max_length=64, pattern=MALL_PATTERN, description="Whose cameras.")] = "mall"
    port: Annotated[int, Meta(ge=0, le=65_535, description="The port of health and metrics.")] = 8001
    roles: Annotated[
        tuple[Role, ...], Meta(min_length=1, description="What this process does: record, project, deliver.")
    ] = (Role.RECORD, Role.PROJECT, Role.DELIVER)
    queues: Annotated[
        tuple[Queue, ...], Meta(min_length=1, description="What this process records: entries, exits.")
    ] = (Queue.ENTRIES, Queue.EXITS)
    no_plates: Annotated[
        tuple[str, ...], Meta(description="What cameras report as the plate when they could read none.")
    ] = tuple(sorted(PLACEHOLDERS))
    prefetch_count: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Deliveries per queue that may be unacknowledged, beside 1,000 that are refused.",
        ),
    ] = 500
    allowed_lateness_seconds: Annotated[
        Seconds, Meta(description="How much later than others of its gate a sighting may arrive unnoticed.")
    ] = 2.0
    silence_grace_seconds: Annotated[Seconds, Meta(description="After how long a silent gate is not waited for.")] = 5.0
    hold_max_seconds: Annotated[Seconds, Meta(description="The longest that a visit waits for a gate.")] = 60.0
    duplicate_window_seconds: Annotated[
        Seconds,
        Meta(description="Reads of one plate in one direction, each less than this after another, are one."),
    ] = 3.0
    max_stay_seconds: Annotated[Seconds, Meta(description="The longest stay; then the exit counts as missed.")] = (
        172_800.0
    )
    finality_days: Annotated[
        float, Meta(ge=0, le=3_650, description="How long after its end a visit may change.", extra={"unit": "d"})
    ] = 7.0
    dedupe_days: Annotated[
        int, Meta(ge=1, le=3_650, description="How long event ids are remembered.", extra={"unit": "d"})
    ] = 35
    clock_ahead_max_seconds: Annotated[
        Seconds, Meta(description="How far after its recording a sighting may be dated; later is a dead letter.")
    ] = 300.0
    clock_step_seconds: Annotated[
        Seconds, Meta(description="How long a step of Redis' clock must stand before records are timed by it.")
    ] = 600.0
    projection_lag_max: Annotated[
        int, Meta(ge=1, description="Records that projecting may lag behind before recording pauses.")
    ] = 100_000
    outbox_max: Annotated[int, Meta(ge=1, description="Summaries that may wait before recording pauses.")] = 100_000
    summary_url: Annotated[str, Meta(description="Where the summary API is.", extra=HTTP_URL)] = "http://localhost:8000"
    archive_dir: Annotated[str | None, Meta(description="Where archived records lie, if any are.")] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for written in self.no_plates:
            normalised_plate(written)

    @property
    def placeholders(self) -> frozenset[str]:
        """The plates that are none, as they are compared."""
        return frozenset(map(normalised_plate, self.no_plates))

    @property
    def rules(self) -> Rules:
        """The rules that this environment asks for."""
        return Rules(
            duplicate_window_us=round(self.duplicate_window_seconds * SECOND_US),
            max_stay_us=round(self.max_stay_seconds * SECOND_US),
            allowed_lateness_us=round(self.allowed_lateness_seconds * SECOND_US),
            silence_grace_us=round(self.silence_grace_seconds * SECOND_US),
            hold_max_us=round(self.hold_max_seconds * SECOND_US),
            finality_us=round(self.finality_days * DAY_US),
        )
