"""A fold that lives in memory alone: for questions to the log, which nothing is kept of."""

from typing import Final

from parkstream_visits.emitted import Spoken
from parkstream_visits.fold import Fact, Fold
from parkstream_visits.state import Clock, State

_FACTS_BETWEEN: Final = 1_000


class InMemory:
    """Folds facts and forgets, now and then, which plates and agendas changed: nobody writes them elsewhere."""

    def __init__(self, clock: Clock | None = None) -> None:
        self.state = State(clock)
        self._fold = Fold(self.state)
        self._until_forgotten = _FACTS_BETWEEN

    def take(self, fact: Fact) -> list[Spoken]:
        """Take in *fact* and return what is said because of it."""
        self._until_forgotten -= 1
        if not self._until_forgotten:
            self._forget_changes()
        return self._fold.fold(fact)

    def _forget_changes(self) -> None:
        self._until_forgotten = _FACTS_BETWEEN
        self._fold.take_touched()
        for agenda in self.state.agendas:
            agenda.take_changes()
