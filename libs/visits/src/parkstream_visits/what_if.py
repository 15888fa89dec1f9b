"""One log under two sets of rules at once, its own and others, and the visits of which they say different things."""

from collections.abc import Callable
from typing import NamedTuple

from msgspec import structs
from parkstream_events.decisions import RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Spoken
from parkstream_visits.fold import Fact
from parkstream_visits.in_memory import InMemory
from parkstream_visits.reenactment import Reenactment
from parkstream_visits.rules import Rules, rules_of
from parkstream_visits.state import Said


class Ending(NamedTuple):
    """How a visit ended, as it is said; one that is only held back is ``waiting`` and has no outcome."""

    outcome: Outcome | None
    entry_id: str | None
    exit_id: str | None
    waiting: bool = False


class Difference(NamedTuple):
    """A visit of which the log says one thing, and the other rules another; None where there is no such visit."""

    visit_id: str
    plate: str
    log: Ending | None
    other: Ending | None


class _Pair(NamedTuple):
    plate: str
    endings: tuple[Ending | None, Ending | None]


class Otherwise(InMemory):
    """The log's facts under *changed* rules from position *start* on; *again* drops its decisions and decides anew."""

    def __init__(self, changed: Callable[[Rules], Rules], start: int, *, again: bool) -> None:
        super().__init__()
        self._changed = changed
        self._start = start
        self._timekeeper = Reenactment(self.state) if again else None
        self._in_force = False

    def take(self, fact: Fact) -> list[Spoken]:
        """Take in *fact* as it would have been, and what would have been decided before it."""
        timekeeper = self._timekeeper
        if fact.position < self._start:
            spoken = super().take(fact)
        elif timekeeper is None:
            spoken = super().take(self._under_other_rules(fact))
        else:
            spoken = self._decide_before(fact, timekeeper)
            if not isinstance(fact.event, WatermarkAdvanced):
                spoken += super().take(self._under_other_rules(fact))
        if timekeeper is not None:
            timekeeper.recorded(fact)
        return spoken

    def _decide_before(self, fact: Fact, timekeeper: Reenactment) -> list[Spoken]:
        self._put_in_force()
        spoken: list[Spoken] = []
        while (decision := timekeeper.before(fact)) is not None:
            spoken += super().take(decision)
        return spoken

    def _under_other_rules(self, fact: Fact) -> Fact:
        self._put_in_force()
        event = fact.event
        if not isinstance(event, RulesChanged):
            return fact
        return fact._replace(event=self._changed(rules_of(event)).changed(event.as_of_position))

    def _put_in_force(self) -> None:
        """Let the other rules hold from here on; a change in the log is changed where it stands."""
        if not self._in_force:
            self._in_force = True
            self.state.clock.rules.append(self._changed(self.state.clock.rules[-1]))


class WhatIf:
    """Folds the log twice, in step; remembers the visits that end otherwise as things stand, and no others.

    *changed* makes the other rules of those that the log has in force; they hold from position *start* on. With *again*
    the log's decisions from there on are dropped, and made again under the other rules.
    """

    def __init__(self, changed: Callable[[Rules], Rules], *, again: bool, start: int = 1) -> None:
        self._sides = (InMemory(), Otherwise(changed, start, again=again))
        self._differing: dict[str, _Pair] = {}
        self.corrections = [0, 0]
        """Revisions after the first, in the log and otherwise."""

    def take(self, fact: Fact) -> None:
        """Take in the next fact of the log, on both sides."""
        log, other = self._sides
        before = _said(log, fact), _said(other, fact)
        last: dict[str, list[Spoken | None]] = {}
        for side, spoken in enumerate((log.take(fact), other.take(fact))):
            for one in spoken:
                self.corrections[side] += one.revision > 1
                last.setdefault(one.visit_id, [None, None])[side] = one
        for visit_id, said in last.items():
            self._compare(visit_id, said, before)

    def _compare(
        self, visit_id: str, said: list[Spoken | None], before: tuple[dict[str, Said], dict[str, Said]]
    ) -> None:
        """Note what each side has *said* last; a visit that did not differ had the ending that either remembers."""
        known = self._differing.get(visit_id)
        ending = _ending(before[0].get(visit_id) or before[1].get(visit_id))
        endings = (ending, ending) if known is None else known.endings
        now = tuple(was if one is None else _ending_of(one) for one, was in zip(said, endings, strict=True))
        if now[0] == now[1]:
            self._differing.pop(visit_id, None)
        else:
            self._differing[visit_id] = _Pair(next(one.plate for one in said if one), (now[0], now[1]))

    def counters(self) -> list[dict[str, int]]:
        """Return what the log amounts to, and what it would otherwise."""
        return [structs.asdict(side.state.clock.counters) for side in self._sides]

    def rules(self) -> list[Rules]:
        """Return the rules in force at the end, and what they would be otherwise."""
        return [side.state.clock.rules[-1] for side in self._sides]

    def differences(self) -> list[Difference]:
        """Return the visits that end otherwise, ordered by plate and id."""
        found = [
            Difference(id_, pair.plate, *(self._as_it_stands(id_, pair, side) for side in (0, 1)))
            for id_, pair in self._differing.items()
        ]
        return sorted(found, key=lambda one: (one.plate, one.visit_id))

    def _as_it_stands(self, visit_id: str, pair: _Pair, side: int) -> Ending | None:
        plate = self._sides[side].state.plates.get(pair.plate)
        if pair.endings[side] is None and plate is not None and visit_id in plate.held:
            return Ending(None, None, None, waiting=True)
        return pair.endings[side]


def _ending_of(one: Spoken) -> Ending | None:
    return _ending(Said(one.revision, one.outcome, *(seen and seen.id for seen in (one.entry, one.exit))))


def _said(side: InMemory, fact: Fact) -> dict[str, Said]:
    """Return what *side* has said of the visits that *fact* may change."""
    if not isinstance(fact.event, VehicleEntered | VehicleExited):
        return {}
    plate = side.state.plates.get(fact.event.vehicle_plate)
    return dict(plate.said) if plate else {}


def _ending(said: Said | None) -> Ending | None:
    """Return how a visit ended; one that was taken back is none."""
    return None if said is None or said.outcome == Outcome.RETRACTED else Ending(*said[1:])
