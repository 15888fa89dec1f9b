"""The bodies of the answers."""

from datetime import datetime
from typing import Self

from msgspec import Raw, Struct
from msgspec.structs import asdict

from parkstream_projection.outbox import Parked
from parkstream_projection.present import GateState
from parkstream_projection.reads import PlateVisit


class Standing(Struct, frozen=True, kw_only=True):
    """Where everything stands, as of one look."""

    position: int
    """The last record of the log."""
    checkpoint: int
    """The last record that is projected."""
    lag: int
    """How many records are not projected yet."""
    pending: int
    """How many visits wait for the watermark."""
    inside: int
    """How many cars are inside."""
    counters: dict[str, int]
    """What the log amounts to."""
    outbox_depth: int
    """How many summaries are not delivered, parked ones aside."""
    outbox_age_seconds: float
    """Since when the oldest of them waits."""
    parked: int
    """How many summaries the summary API has refused."""
    unreadable: int
    """How many records cannot be read, and nobody has acknowledged that."""
    watermark: datetime
    """Up to when every gate that counts has reported."""
    gates: list[GateState]
    """How far each gate has reported, and whether it counts."""
    state_hash: str
    """The hash of the projection at its checkpoint."""


class PlateVisits(Struct, frozen=True):
    """The visits of one plate that are not final yet."""

    vehicle_plate: str
    visits: list[PlateVisit]


class ParkedSummary(Struct, frozen=True, kw_only=True):
    """A summary that the summary API refused, and why."""

    id: str
    visit_id: str
    revision: int
    problem: str
    parked_at_us: int
    item: Raw
    traceparent: str | None

    @classmethod
    def of(cls, parked: Parked) -> Self:
        """Return *parked* by the names of a summary."""
        named = {name: value for name, value in asdict(parked).items() if name != "key"}
        return cls(visit_id=parked.key, **named)


class ParkedPage(Struct, frozen=True):
    """Some of what was refused; *cursor* asks for the rest, null at the end."""

    items: list[ParkedSummary]
    cursor: str | None


class Redriven(Struct, frozen=True):
    """How many summaries are to be delivered again."""

    redriven: int
