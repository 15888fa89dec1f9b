"""How far each gate has reported, and the watermark: how far all have that count.

The watermark is the smallest mark of the gates that count, and never goes back. A gate that reports nothing, or only
what is old, must not hold the others back: by a decision in the log it is *idle*, until it has caught up.
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import Final

from msgspec import Struct, field, structs
from parkstream_events import decisions
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import Direction

UNNAMED: Final = ""
GATES_MAX: Final = 200
"""Named gates per direction; what others report counts as the unnamed gate's."""


class GateStatus(IntEnum):
    """Whether a gate counts, and why not."""

    COUNTED = 0
    LATE = 1
    """New, or idle before, and not caught up with the watermark yet."""
    SILENT = 2
    BEHIND = 3


class Gate(Struct, array_like=True):
    """What is known of a gate; times in microseconds."""

    mark_us: int = 0
    """The greatest min(event time, recorded time) of its sightings."""
    position: int = 0
    """Of its last record."""
    recorded_at_us: int = 0
    """Of its last record."""
    late_since_us: int = 0
    """Since when all that it reports was recorded more than ``hold_max`` after it happened; 0: its last was not."""
    status: GateStatus = GateStatus.COUNTED

    def is_behind(self, grace_us: int) -> bool:
        """Return whether it has reported nothing but what was older than ``hold_max``, for *grace_us* or longer."""
        return 0 < self.late_since_us <= self.recorded_at_us - grace_us


def _unnamed() -> list[dict[str, Gate]]:
    """Return what is known of gates before anything was recorded."""
    return [{UNNAMED: Gate()} for _ in Direction]


class Gates(Struct, array_like=True):
    """All gates, by direction and name, and the watermark."""

    watermark_us: int = 0
    """All that happened before was reported, as far as anybody can know; once greater, never less."""
    known: list[dict[str, Gate]] = field(default_factory=_unnamed)

    def report(  # noqa: PLR0913, PLR0917 - one report has these parts
        self, way: int, name: str, at_us: int, recorded_at_us: int, position: int, hold_max_us: int
    ) -> None:
        """Note a sighting of *at_us* at a gate."""
        gates = self.known[way]
        gate = gates.get(name)
        if gate is None:
            gate = self._unknown(gates, name)
        gate.position = position
        gate.recorded_at_us = recorded_at_us
        is_timely = recorded_at_us - at_us <= hold_max_us
        if is_timely:
            gate.late_since_us = 0
        elif not gate.late_since_us:
            gate.late_since_us = recorded_at_us
        before_us, to_us = gate.mark_us, min(recorded_at_us, at_us)
        if to_us > before_us:
            gate.mark_us = to_us
        if gate.status is GateStatus.COUNTED:
            if before_us <= self.watermark_us < to_us:
                self._advance()
        elif is_timely or gate.status is not GateStatus.BEHIND:
            self._return(gate)

    def decide(self, decision: WatermarkAdvanced, recorded_at_us: int, grace_us: int) -> bool:
        """Apply *decision*, whose ``to_us`` is never later than its recording; return False when it is void.

        ``silence``: its gates are idle; void if one has reported after ``as_of_position``. ``behind``: those of its
        gates that are behind still are idle; void if none is. ``hold_max``: the marks of its gates are ``to_us`` at
        least. While no gate counts, the watermark is ``to_us`` at least.
        """
        named = (self.known[gate.direction].get(gate.name) for gate in decision.gates)
        to_us = min(decision.to_us, recorded_at_us)
        if not _apply(decision, [gate for gate in named if gate is not None], to_us, grace_us):
            return False
        if not self._advance() and to_us > self.watermark_us:
            self.watermark_us = to_us
        return True

    def stop(self) -> None:
        """Let the watermark stand still from now on, by a gate that counts and never reports."""
        self.known[0]["\0"] = Gate(mark_us=self.watermark_us)

    def counted(self) -> Iterator[tuple[decisions.Gate, Gate]]:
        """Return the gates that count, in the order in which they were learned."""
        return ((name, gate) for name, gate in self.all() if gate.status is GateStatus.COUNTED)

    def all(self) -> Iterator[tuple[decisions.Gate, Gate]]:
        """Return all gates, entries first, in the order in which they were learned."""
        for direction, gates in zip(Direction, self.known, strict=True):
            for name, gate in gates.items():
                yield decisions.Gate(direction, name), gate

    def copy(self) -> "Gates":
        """Return the same, to try something on."""
        return Gates(
            self.watermark_us, [{name: structs.replace(one) for name, one in way.items()} for way in self.known]
        )

    def _unknown(self, gates: dict[str, Gate], name: str) -> Gate:
        """Learn a gate, or take it for the unnamed one when there are too many."""
        if len(gates) > GATES_MAX:
            return gates[UNNAMED]
        gate = gates[name] = Gate(status=GateStatus.LATE)
        return gate

    def _return(self, gate: Gate) -> None:
        """Let a gate count again when it has caught up."""
        if gate.mark_us >= self.watermark_us:
            gate.status = GateStatus.COUNTED
            self._advance()
        else:
            gate.status = GateStatus.LATE

    def _advance(self) -> bool:
        """Move the watermark to the smallest mark of the gates that count; return False when none does."""
        marks = [gate.mark_us for gates in self.known for gate in gates.values() if gate.status is GateStatus.COUNTED]
        if not marks:
            return False
        slowest_us = min(marks)
        self.watermark_us = max(self.watermark_us, slowest_us)
        return True


def _apply(decision: WatermarkAdvanced, gates: list[Gate], to_us: int, grace_us: int) -> bool:
    """Apply *decision* to its *gates*; return False when it is void."""
    match decision.because:
        case "silence":
            if any(gate.position > decision.as_of_position for gate in gates):
                return False
            for gate in gates:
                if gate.status is not GateStatus.BEHIND:
                    gate.status = GateStatus.SILENT
        case "behind":
            gates = [gate for gate in gates if gate.is_behind(grace_us)]
            for gate in gates:
                gate.status = GateStatus.BEHIND
            return bool(gates)
        case "hold_max":
            for gate in gates:
                if gate.status is GateStatus.COUNTED:
                    gate.mark_us = max(gate.mark_us, to_us)
    return True
