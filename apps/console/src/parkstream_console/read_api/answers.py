"""The bodies of the answers."""

from typing import Self

from msgspec import Raw, Struct
from msgspec.structs import asdict
from parkstream_projection.outbox import Parked
from parkstream_projection.reads import PlateVisit


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
