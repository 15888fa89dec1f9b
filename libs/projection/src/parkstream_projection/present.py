"""Where a projection stands."""

from datetime import datetime

from msgspec import Struct, structs
from parkstream_events.sightings import moment_of
from parkstream_visits import Clock


class GateState(Struct, frozen=True):
    """How far a gate has reported; *status*: whether it counts; *gate* is empty for sightings that name none."""

    direction: str
    gate: str
    status: str
    mark: datetime
    recorded_at: datetime
    is_behind: bool

    @property
    def delay_seconds(self) -> float:
        """How old what it reported last is, at least."""
        return (self.recorded_at - self.mark).total_seconds()


class Present(Struct, frozen=True):
    """Where a projection stands."""

    checkpoint: int
    state_hash: str
    clock: Clock

    @property
    def counters(self) -> dict[str, int]:
        """What the log amounts to."""
        return structs.asdict(self.clock.counters)

    @property
    def pending(self) -> int:
        """How many visits wait for the watermark; a car inside may still leave, and waits for nothing."""
        return self.clock.counters.pending

    @property
    def inside(self) -> int:
        """How many cars are inside."""
        return self.clock.counters.inside

    @property
    def unreadable(self) -> int:
        """How many records cannot be read, and nobody has acknowledged that."""
        return self.clock.counters.outstanding

    @property
    def watermark(self) -> datetime:
        """Up to when every gate that counts has reported."""
        return moment_of(self.clock.gates.watermark_us)

    @property
    def gates(self) -> list[GateState]:
        """How far each gate has reported."""
        grace_us = self.clock.rules[-1].silence_grace_us
        return [
            GateState(
                name.direction.name.lower(),
                name.name,
                gate.status.name.lower(),
                moment_of(gate.mark_us),
                moment_of(gate.recorded_at_us),
                is_behind=gate.is_behind(grace_us),
            )
            for name, gate in self.clock.gates.all()
        ]
