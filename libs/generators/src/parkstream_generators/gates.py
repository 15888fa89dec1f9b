"""The gates of one direction: what they are called, how many cars each takes, and what goes wrong at each."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct
from parkstream_events.units import SECOND_US

from parkstream_generators.chance import drawn


class Outage(Struct, frozen=True):
    """A gate's link is down: what it would publish waits, and comes all at once at the end.

    Both times count from the start of the process, in seconds.
    """

    begins_seconds: float
    lasts_seconds: float


class Creep(Struct, frozen=True):
    """A car passes so slowly that it is read *reads* times within *seconds*."""

    reads: int
    seconds: float

    def offsets_us(self) -> list[int]:
        """Return how long after the first read each further one is made."""
        return [round(self.seconds * SECOND_US * read / (self.reads - 1)) for read in range(1, self.reads)]


class GateFaults(Struct, frozen=True, kw_only=True):
    """What goes wrong at one gate; all off by default."""

    delay_seconds: float = 0.0
    skew_seconds: float = 0.0
    outage: Outage | None = None
    creep: Creep | None = None
    placeholders_per_second: float = 0.0
    daily_ids: bool = False

    @property
    def late_seconds(self) -> float:
        """How long after a car came something of it may be published, at most."""
        outage = self.outage.begins_seconds + self.outage.lasts_seconds if self.outage else 0.0
        return self.delay_seconds + outage + (self.creep.seconds if self.creep else 0.0)

    def published_at_us(self, due_us: int, began_us: int) -> int:
        """Return when an event that is *due_us* to be published is; the process *began_us*."""
        at_us = due_us + round(self.delay_seconds * SECOND_US)
        if self.outage is None:
            return at_us
        down_us = began_us + round(self.outage.begins_seconds * SECOND_US)
        up_us = down_us + round(self.outage.lasts_seconds * SECOND_US)
        return up_us if down_us <= at_us < up_us else at_us


NO_FAULTS = GateFaults()


class Gate(Struct, frozen=True):
    """One gate; *name* is "" for the only one of a direction that names none."""

    name: str = ""
    weight: float = 1.0
    faults: GateFaults = NO_FAULTS


class Gates:
    """All gates of a *direction*; a car takes one by chance, so that each gets the share that its weight is of all."""

    def __init__(self, gates: Sequence[Gate] = (Gate(),), direction: str = "") -> None:
        self.all = list(gates)
        self._purpose = f"gate|{direction}"
        total = sum(gate.weight for gate in gates)
        self._upper = [upper / total for upper in accumulate(gate.weight for gate in gates)][:-1]

    def taken_by(self, plate: str, seed: int) -> Gate:
        """Return the gate at which the car with *plate* passes: always the same one for the same *seed*."""
        if not self._upper:
            return self.all[0]
        return self.all[bisect_right(self._upper, drawn(seed, self._purpose, plate))]
