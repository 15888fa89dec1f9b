"""What both cameras are set to: their environment."""

import secrets
from typing import Annotated

from msgspec import Meta
from parkstream_events.keys import MALL_PATTERN
from parkstream_service.settings import AMQP_URL, REDIS_URL, TelemetrySettings, env_name

from parkstream_generators.faults import Faults
from parkstream_generators.gate_settings import gates_of
from parkstream_generators.gates import Gate

Seconds = Annotated[float, Meta(ge=0, le=10 * 365 * 86_400, extra={"unit": "s"})]
Share = Annotated[float, Meta(ge=0, le=1)]
Seed = Annotated[int, Meta(ge=0, lt=2**62)]


class CameraSettings(TelemetrySettings, frozen=True, kw_only=True, rename=env_name("PARKSTREAM_")):
    """The environment of a generator; the fault knobs default to off."""

    rabbitmq_url: Annotated[str, Meta(description="Where RabbitMQ is.", extra=AMQP_URL)] = (
        "amqp://guest:guest@localhost:5672/"
    )
    redis_url: Annotated[
        str, Meta(description="Where Redis is, without a database: each service has its own.", extra=REDIS_URL)
    ] = "redis://localhost:6379"
    redis_replicas_min: Annotated[
        int, Meta(ge=0, le=100, description="How many replicas of Redis must have what the camera means and counts.")
    ] = 0
    mall: Annotated[str, Meta(min_length=1, max_length=64, pattern=MALL_PATTERN, description="Whose cameras.")] = "mall"
    gates: Annotated[
        tuple[str, ...],
        Meta(description="Gates with their shares of the cars: north=0.6,south=0.4; else one without a name."),
    ] = ()
    gate_faults: Annotated[
        tuple[str, ...],
        Meta(
            description="What goes wrong at a gate, or without GATE: at all of them, as south:delay=5,creep=10/20; "
            "knobs: delay, outage, skew, creep, placeholders, ids."
        ),
    ] = ()
    seed: Annotated[Seed | None, Meta(description="Makes plates, arrivals and stays repeatable.")] = None
    duration_seconds: Annotated[Seconds, Meta(description="How long events are made; 0 is for ever.")] = 0.0
    buffer_max: Annotated[int, Meta(ge=1, le=1_000_000, description="Events that may wait for RabbitMQ's confirm.")] = (
        10_000
    )
    duplicate_share: Annotated[Share, Meta(description="Events that are published twice.")] = 0.0
    misread_share: Annotated[Share, Meta(description="Plates misread: O/0, I/1, B/8, S/5.")] = 0.0
    delay_share: Annotated[Share, Meta(description="Events that are published late.")] = 0.0
    delay_seconds: Annotated[Seconds, Meta(description="How late those are published.")] = 0.0
    clock_skew_seconds: Annotated[
        float, Meta(ge=-86_400, le=86_400, description="How far the camera's clock is ahead.", extra={"unit": "s"})
    ] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        gates_of(self.gates, self.gate_faults)

    @property
    def gates_with_faults(self) -> list[Gate]:
        """Where cars pass this camera's direction."""
        return gates_of(self.gates, self.gate_faults)

    @property
    def faults(self) -> Faults:
        """What goes wrong at this camera."""
        return Faults(
            duplicate_share=self.duplicate_share,
            misread_share=self.misread_share,
            delay_share=self.delay_share,
            delay_seconds=self.delay_seconds,
            clock_skew_seconds=self.clock_skew_seconds,
        )

    @property
    def first_seed(self) -> int:
        """The seed of a camera that has none yet."""
        return secrets.randbits(62) if self.seed is None else self.seed
