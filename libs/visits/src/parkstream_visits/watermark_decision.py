"""When the watermark may be advanced without a sighting, and why: what a watermark generator decides.

A decision is due only once a pending visit could be released by it, so their number is bounded by that of the visits.
The generator asks again after each record; what it knows and the log does not (queues, consumers) it hands in.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from parkstream_events import decisions
from parkstream_events.decisions import Reason, WatermarkAdvanced
from parkstream_events.sightings import Direction

from parkstream_visits.gates import Gate, GateStatus
from parkstream_visits.rules import Rules
from parkstream_visits.state import Clock

Gates = list[tuple[decisions.Gate, Gate]]
AGAIN_US: Final = 100_000
"""After how long to look again whether a queue is drained."""


class Drained(NamedTuple):
    """What is known of a direction's queue, by all of its consumers."""

    since_us: int
    """Since when it is watched."""
    through_us: int
    """All that was published before is recorded."""


Drains = Mapping[Direction, Drained | None]
"""None when nobody can know."""


class Overdue(NamedTuple):
    """From *at_us* on, visits that are due by *due_us* have been pending for ``hold_max``."""

    at_us: int
    due_us: int


class Due(NamedTuple):
    """A decision that may be made from *at_us* on, unless something is recorded before."""

    at_us: int
    because: Reason
    gates: list[decisions.Gate]
    to_us: int | None = None
    """None: to when it is made; never later."""

    def decision(self, now_us: int, as_of_position: int) -> WatermarkAdvanced:
        """Return it as it is made at *now_us*, with the log's end at *as_of_position*."""
        to_us = now_us if self.to_us is None else min(self.to_us, now_us)
        return WatermarkAdvanced(self.gates, to_us, self.because, as_of_position)


def next_decision(
    clock: Clock, first_due_us: int, overdue: Overdue | None, drained: Drains, now_us: int = 0
) -> Due | None:
    """Return what is to be decided next, and from when on; None when nothing can be until something is recorded.

    *first_due_us*: when the first of the pending visits is due. *now_us* says which gates are named, all that are
    silent by then, and when to look again.
    """
    rules = clock.rules[-1]
    needed_us = first_due_us + rules.allowed_lateness_us + 1
    from_us = max(needed_us, clock.recorded_at_us)
    counted = list(clock.gates.counted())
    found = [_behind(counted, needed_us, from_us, rules), _silence(clock, counted, needed_us, from_us, drained, now_us)]
    if overdue is not None:
        to_us = overdue.due_us + rules.allowed_lateness_us + 1
        late = [name for name, gate in counted if gate.mark_us < to_us]
        found.append(Due(max(from_us, overdue.at_us), "hold_max", late, to_us))
    return min((due for due in found if due is not None), key=lambda due: due.at_us, default=None)


def _behind(counted: Gates, needed_us: int, from_us: int, rules: Rules) -> Due | None:
    behind = [(name, gate) for name, gate in counted if gate.is_behind(rules.silence_grace_us)]
    if all(gate.mark_us >= needed_us for _, gate in behind):
        return None
    return Due(from_us, "behind", [name for name, _ in behind])


def _silence(  # noqa: PLR0913, PLR0917 - see next_decision
    clock: Clock, counted: Gates, needed_us: int, from_us: int, drained: Drains, now_us: int
) -> Due | None:
    """Return when all gates that hold the first visit back are silent; while none counts, when those are that were.

    When none was, since all reported what is old, those are waited for that are late, or else behind.
    """
    grace_us = clock.rules[-1].silence_grace_us
    candidates = counted or _idle(clock)
    graces = [(name, _grace(name, gate, drained, grace_us)) for name, gate in candidates]
    blocking = [
        grace
        for (_, gate), (_, grace) in zip(candidates, graces, strict=True)
        if not counted or gate.mark_us < needed_us
    ]
    known = [grace for grace in blocking if grace is not None]
    if not known or len(known) < len(blocking):
        return None
    at_us = max(from_us, *(grace.end_us for grace in known))
    if not all(grace.is_proven(needed_us) for grace in known):
        at_us = max(at_us, now_us + AGAIN_US)
    by_us = max(at_us, now_us)
    silent = [
        (name, grace.recorded_us)
        for name, grace in graces
        if grace is not None and grace.end_us <= by_us and grace.is_proven(needed_us)
    ]
    return Due(at_us, "silence", [name for name, _ in silent], min((to_us for _, to_us in silent), default=None))


def _idle(clock: Clock) -> Gates:
    """Return those gates that were silent; without any those that are late, and without any of these all, behind."""
    of: dict[GateStatus, Gates] = {}
    for name, gate in clock.gates.all():
        of.setdefault(gate.status, []).append((name, gate))
    return of.get(GateStatus.SILENT) or of.get(GateStatus.LATE) or of[GateStatus.BEHIND]


class _Grace(NamedTuple):
    """A gate's silence: the end of its grace, and up to when all that was published is recorded."""

    end_us: int
    recorded_us: int

    def is_proven(self, needed_us: int) -> bool:
        """Return whether nothing came that was published by its end, and by the time that is needed."""
        return self.recorded_us >= max(self.end_us, needed_us)


def _grace(name: decisions.Gate, gate: Gate, drained: Drains, grace_us: int) -> _Grace | None:
    queue = drained[name.direction]
    return None if queue is None else _Grace(max(queue.since_us, gate.recorded_at_us) + grace_us, queue.through_us)
