"""One log under two sets of rules at once, its own and others, and the visits that end differently."""

from collections.abc import Callable
from typing import NamedTuple, Self

from msgspec import Struct, structs
from parkstream_events.decisions import RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.summaries import Outcome

from parkstream_visits.emitted import Emitted
from parkstream_visits.in_memory import InMemory
from parkstream_visits.plate_visits import Identity
from parkstream_visits.recorded_event import RecordedEvent
from parkstream_visits.reenactment import Reenactment
from parkstream_visits.rules import Rules, rules_of
from parkstream_visits.state import LastEmitted


class Ending(Struct, frozen=True):
    """How a visit ended, as it was emitted; a pending one is ``waiting`` and has no outcome."""

    outcome: Outcome | None
    entry_event_id: str | None = None
    exit_event_id: str | None = None
    entry_at_us: int | None = None
    exit_at_us: int | None = None
    waiting: bool = False

    @classmethod
    def of(cls, outcome: Outcome, entry: Identity | None, exit_: Identity | None) -> Self:
        """Return how a visit with this *entry* and *exit_* ended."""
        entry_at_us, entry_id = entry or (None, None)
        exit_at_us, exit_id = exit_ or (None, None)
        return cls(outcome, entry_id, exit_id, entry_at_us, exit_at_us)


class Difference(Struct, frozen=True):
    """A visit that ends one way in the log and another under the other rules; None where there is no such visit."""

    visit_id: str
    vehicle_plate: str
    log: Ending | None
    other: Ending | None


class _Pair(NamedTuple):
    plate: str
    endings: tuple[Ending | None, Ending | None]


class Otherwise(InMemory):
    """The log's records under *changed* rules from position *start* on; *again*: its decisions are made anew."""

    def __init__(self, changed: Callable[[Rules], Rules], start: int, *, again: bool) -> None:
        super().__init__()
        self._changed = changed
        self._start = start
        self._watermarks = Reenactment(self.state) if again else None
        self._in_force = False

    def take(self, recorded: RecordedEvent) -> list[Emitted]:
        """Take in *recorded* as it would have been, and what would have been decided before it."""
        watermarks = self._watermarks
        if recorded.position < self._start:
            emitted = super().take(recorded)
        elif watermarks is None:
            emitted = super().take(self._under_other_rules(recorded))
        else:
            emitted = self._decide_before(recorded, watermarks)
            if not isinstance(recorded.event, WatermarkAdvanced):
                emitted += super().take(self._under_other_rules(recorded))
        if watermarks is not None:
            watermarks.recorded(recorded)
        return emitted

    def _decide_before(self, recorded: RecordedEvent, watermarks: Reenactment) -> list[Emitted]:
        self._put_in_force()
        emitted: list[Emitted] = []
        while (decision := watermarks.before(recorded)) is not None:
            emitted += super().take(decision)
        return emitted

    def _under_other_rules(self, recorded: RecordedEvent) -> RecordedEvent:
        self._put_in_force()
        event = recorded.event
        if not isinstance(event, RulesChanged):
            return recorded
        return recorded._replace(event=self._changed(rules_of(event)).changed(event.as_of_position))

    def _put_in_force(self) -> None:
        """Let the other rules hold from here on; a change in the log is changed where it stands."""
        if not self._in_force:
            self._in_force = True
            self.state.clock.rules.append(self._changed(self.state.clock.rules[-1]))


class WhatIf:
    """Folds the log twice, in step; remembers the visits that end otherwise as things stand, and no others.

    *changed* makes the other rules of those that the log has in force; they hold from position *start* on. With *again*
    the log's decisions from there on are dropped, and made again under the other rules. With *plate* no other plate's
    visits are remembered.
    """

    def __init__(
        self, changed: Callable[[Rules], Rules], *, again: bool, start: int = 1, plate: str | None = None
    ) -> None:
        self._plate = plate
        self._sides = (InMemory(), Otherwise(changed, start, again=again))
        self._differing: dict[str, _Pair] = {}
        self.corrections = [0, 0]
        """Revisions after the first, in the log and otherwise."""

    def take(self, recorded: RecordedEvent) -> None:
        """Take in the next record of the log, on both sides."""
        log, other = self._sides
        before = _emitted(log, recorded), _emitted(other, recorded)
        last: dict[str, list[Emitted | None]] = {}
        for side, emitted in enumerate((log.take(recorded), other.take(recorded))):
            for one in emitted:
                self.corrections[side] += one.revision > 1
                if self._plate not in {None, one.plate}:
                    continue
                last.setdefault(one.visit_id, [None, None])[side] = one
        for visit_id, revisions in last.items():
            self._compare(visit_id, revisions, before)

    def _compare(
        self,
        visit_id: str,
        revisions: list[Emitted | None],
        before: tuple[dict[str, LastEmitted], dict[str, LastEmitted]],
    ) -> None:
        """Note each side's last *revisions*; a visit that did not differ had the ending that either remembers."""
        known = self._differing.get(visit_id)
        ending = _ending(before[0].get(visit_id) or before[1].get(visit_id))
        endings = (ending, ending) if known is None else known.endings
        now = tuple(was if one is None else _ending_of(one) for one, was in zip(revisions, endings, strict=True))
        if now[0] == now[1]:
            self._differing.pop(visit_id, None)
        else:
            self._differing[visit_id] = _Pair(next(one.plate for one in revisions if one), (now[0], now[1]))

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
        return sorted(found, key=lambda one: (one.vehicle_plate, one.visit_id))

    def _as_it_stands(self, visit_id: str, pair: _Pair, side: int) -> Ending | None:
        plate = self._sides[side].state.plates.get(pair.plate)
        if pair.endings[side] is None and plate is not None and visit_id in plate.pending:
            return Ending(None, waiting=True)
        return pair.endings[side]


def _ending_of(one: Emitted) -> Ending | None:
    if one.outcome is Outcome.RETRACTED:
        return None
    return Ending.of(one.outcome, one.entry.identity if one.entry else None, one.exit.identity if one.exit else None)


def _emitted(side: InMemory, recorded: RecordedEvent) -> dict[str, LastEmitted]:
    """Return what *side* has emitted of the visits that *recorded* may change."""
    if not isinstance(recorded.event, VehicleEntered | VehicleExited):
        return {}
    plate = side.state.plates.get(recorded.event.vehicle_plate)
    return dict(plate.emitted) if plate else {}


def _ending(last: LastEmitted | None) -> Ending | None:
    """Return how a visit ended; a retracted one has none."""
    return None if last is None or last.outcome == Outcome.RETRACTED else Ending.of(*last.body)
