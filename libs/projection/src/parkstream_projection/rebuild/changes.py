"""What a replica has changed, as one commit writes it."""

from typing import NamedTuple

from parkstream_visits import State, Timer
from parkstream_visits.timers import SEPARATOR

from parkstream_projection.codec import aside_of
from parkstream_projection.store import Change


class Changes:
    """Collects what has changed until it is committed; *kept* are the plates that the version has in Redis.

    *aside* is what it has beside its clock.
    """

    def __init__(self, kept: set[str], aside: bytes = b"") -> None:
        self._kept = kept
        self._aside = aside
        self.plates: dict[str, bytes | None] = {}
        """As they are encoded now, None when forgotten."""

    def add(self, plates: dict[str, bytes | None]) -> None:
        """Add *plates*."""
        self.plates |= plates

    def take(self, checkpoint: int, clock: bytes, state: State) -> Change:
        """Return all that was collected as one change, without its hash; begin anew."""
        kept, plates = self._kept, self.plates
        self.plates = {}
        change = Change(checkpoint, "", clock)
        if (aside := aside_of(state.clock)) != self._aside:
            change.aside = self._aside = aside
        self._take_timers(change, state, plates.keys() - kept)
        for name, encoded in plates.items():
            if encoded is not None:
                change.entities += (name, encoded)
                kept.add(name)
            elif name in kept:
                change.forgotten.append(name)
                kept.discard(name)
        return change

    @staticmethod
    def _take_timers(change: Change, state: State, new: set[str]) -> None:
        """Leave out what came and went in between: a *new* plate has nothing in Redis."""
        for way in Timer:
            put, dropped = state.timers[way].take_changes()
            change.put.append([half for member, due_us in put.items() for half in (due_us, member)])
            change.dropped.append([member for member in dropped if member.partition(SEPARATOR)[0] not in new])


class Rebuilt(NamedTuple):
    """How far a rebuild has got, and what it took."""

    checkpoint: int
    events: int
    seconds: float
    state_hash: str
