"""A fold that lives in memory alone: for questions to the log, of which nothing is kept."""

from typing import Final

from parkstream_visits.emitted import Emitted
from parkstream_visits.fold import Fold
from parkstream_visits.recorded_event import RecordedEvent
from parkstream_visits.state import Clock, Plate, State
from parkstream_visits.timers import SEPARATOR, Timer

_EVENTS_BETWEEN: Final = 1_000


class InMemory:
    """Folds recorded events and forgets, now and then, which plates and timers changed: nobody writes them.

    It goes on from *clock* and *plates*, if they are given.
    """

    def __init__(self, clock: Clock | None = None, plates: dict[str, Plate] | None = None) -> None:
        self.state = State(clock, plates)
        for name, plate in self.state.plates.items():
            self._await(name, plate)
        self._fold = Fold(self.state)
        self._until_forgotten = _EVENTS_BETWEEN

    def take(self, recorded: RecordedEvent) -> list[Emitted]:
        """Take in *recorded* and return the revisions that are emitted because of it."""
        self._until_forgotten -= 1
        if not self._until_forgotten:
            self._forget_changes()
        return self._fold.fold(recorded)

    def _forget_changes(self) -> None:
        self._until_forgotten = _EVENTS_BETWEEN
        self._fold.take_touched()
        for timer in self.state.timers:
            timer.take_changes()

    def _await(self, name: str, plate: Plate) -> None:
        """Let the timers hold what waits for *plate*."""
        timers = self.state.timers
        timers[Timer.FORGETTING].load(plate.keep_until_us, name)
        for visit_id, (kind, due_us) in plate.pending.items():
            timers[kind].load(due_us, f"{name}{SEPARATOR}{visit_id}")
