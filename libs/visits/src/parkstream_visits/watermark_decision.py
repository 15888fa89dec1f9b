"""When the watermark may be advanced without a sighting, and why: what a watermark generator decides.

A decision is due only once a pending visit could be released by it, so their number is bounded by that of the visits.
The generator asks again after each record; what it knows and the log does not (queues, consumers) it hands in.
"""

from collections.abc import Mapping
from typing import NamedTuple

from parkstream_events import decisions
from parkstream_events.decisions import Reason, WatermarkAdvanced
from parkstream_events.sightings import Direction

from parkstream_visits.gates import Gate, GateStatus
from parkstream_visits.rules import Rules
from parkstream_visits.state import Clock

Gates = list[tuple[decisions.Gate, Gate]]
Drained = Mapping[Direction, int | None]
"""Since when all that was in a direction's queue is recorded, as every consumer reports; None when nobody can know."""


class Overdue(NamedTuple):
    """From *at_us* on, visits that are due by *due_us* have been pending for ``hold_max``."""

    at_us: int
    due_us: int


class Due(NamedTuple):
    """A decision that may be made from *at_us* on, unless something is recorded before."""

    at_us: int
    because: Reason
    gates: list[decisions.Gate]
    to_us: int | None
    """None: to when it is made."""

    def decision(self, now_us: int, as_of_position: int) -> WatermarkAdvanced:
        """Return it as it is made at *now_us*, with the log's end at *as_of_position*."""
        return WatermarkAdvanced(self.gates, now_us if self.to_us is None else self.to_us, self.because, as_of_position)


def next_decision(
    clock: Clock, first_due_us: int, overdue: Overdue | None, drained: Drained, now_us: int = 0
) -> Due | None:
    """Return what is to be decided next, and from when on; None when nothing can be until something is recorded.

    *first_due_us*: when the first of the pending visits is due. *now_us* only says which gates are named: all that are
    silent by then.
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
    return Due(from_us, "behind", [name for name, _ in behind], None)


def _silence(  # noqa: PLR0913, PLR0917 - see next_decision
    clock: Clock, counted: Gates, needed_us: int, from_us: int, drained: Drained, now_us: int
) -> Due | None:
    """Return when all gates that hold the first visit back are silent; while none counts, when those are that were."""
    grace_us = clock.rules[-1].silence_grace_us
    silent = [one for one in clock.gates.all() if one[1].status is GateStatus.SILENT]
    blocking = [one for one in counted if one[1].mark_us < needed_us] if counted else silent
    times = [_silent_at(name, gate, drained, grace_us) for name, gate in blocking]
    known = [at_us for at_us in times if at_us is not None]
    if not known or len(known) < len(times):
        return None
    at_us = max(from_us, *known)
    named = [name for name, gate in counted or silent if _is_silent(name, gate, drained, grace_us, max(at_us, now_us))]
    return Due(at_us, "silence", named, None)


def _silent_at(name: decisions.Gate, gate: Gate, drained: Drained, grace_us: int) -> int | None:
    """Return when a gate will have been silent, and its queue drained, for the whole grace."""
    since_us = drained[name.direction]
    return None if since_us is None else max(since_us, gate.recorded_at_us) + grace_us


def _is_silent(name: decisions.Gate, gate: Gate, drained: Drained, grace_us: int, by_us: int) -> bool:
    at_us = _silent_at(name, gate, drained, grace_us)
    return at_us is not None and at_us <= by_us
