"""What the backend decided and only the log holds: nothing else may need a clock, chance or a person while folding.

Every number that is remembered has bounds: what could not be kept or shown cannot be read either.
"""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from parkstream_events.sightings import GATE_LENGTH_MAX, Direction, microseconds
from parkstream_events.summaries import REVISION_MAX, VISIT_ID_LENGTH_MAX

LATEST_US: Final = microseconds(datetime.max.replace(tzinfo=UTC))
"""The last microsecond that has a date; the longest duration, too."""

Moment = Annotated[int, Meta(ge=microseconds(datetime.min.replace(tzinfo=UTC)), le=LATEST_US)]
"""Microseconds since 1970, UTC."""
Duration = Annotated[int, Meta(ge=0, le=LATEST_US)]
"""Microseconds."""
RESTATED_MAX: Final = 500
"""Visits that one record may restate."""
GATES_NAMED_MAX: Final = 1_000
"""Gates that one decision may name: more than there can be."""
OPERATOR_ACTED: Final = "operator.acted.v1"
"""What an act is called where it is shown; its record is one of ``visits.restated.v1`` that restates none."""
NAMED_MAX: Final = 200
"""What one act names at most of what it is about."""


class Gate(Struct, frozen=True, order=True):
    """A gate of the mall, as decisions name it; without ``name`` that of all sightings whose gate is not known."""

    direction: Direction
    name: Annotated[str, Meta(max_length=GATE_LENGTH_MAX)] = ""


Reason = Literal["silence", "behind", "hold_max"]


class WatermarkAdvanced(Struct, frozen=True):
    """The watermark need not wait any longer for ``gates``, as far as anybody can know.

    ``because``: ``silence`` (they report nothing), ``behind`` (what they report is old), or ``hold_max`` (a visit was
    pending too long). ``as_of_position``: the end of the log when it was decided. What each reason does, and when a
    decision is void, is for the rules.
    """

    gates: Annotated[list[Gate], Meta(max_length=GATES_NAMED_MAX)]
    to_us: Moment
    because: Reason
    as_of_position: int

    @property
    def id(self) -> str:
        """One per position, so that any number of backends append one."""
        return f"watermark:{self.as_of_position}"


class RulesChanged(Struct, frozen=True):
    """The rules in force from this record on; times in microseconds."""

    duplicate_window_us: Duration
    max_stay_us: Duration
    allowed_lateness_us: Duration
    silence_grace_us: Duration
    hold_max_us: Duration
    finality_us: Duration
    as_of_position: int

    @property
    def id(self) -> str:
        """One per position."""
        return f"rules:{self.as_of_position}"


class RecordAcknowledged(Struct, frozen=True):
    """Somebody has seen that the record at ``position`` cannot be read, and why that is accepted."""

    position: int
    reason: str

    @property
    def id(self) -> str:
        """One per acknowledged position."""
        return f"acknowledged:{self.position}"


class RestatedVisit(Struct, frozen=True):
    """A visit whose last summary so far is ``revision``; 0 when it has none."""

    vehicle_plate: Annotated[str, Meta(min_length=1, max_length=64)]
    visit_id: Annotated[str, Meta(min_length=1, max_length=VISIT_ID_LENGTH_MAX)]
    revision: Annotated[int, Meta(ge=0, lt=REVISION_MAX)]


class VisitsRestated(Struct, frozen=True):
    """Another ``version`` of the projection became live: these visits are emitted again as it has them.

    ``as_of_position``: what both versions had taken in; the ``part``s of one switch follow it, from 1 on.
    """

    version: int
    as_of_position: int
    part: int
    visits: Annotated[list[RestatedVisit], Meta(max_length=RESTATED_MAX)]

    @property
    def id(self) -> str:
        """One per position and part."""
        return f"restated:{self.as_of_position}:{self.part}"


class Act(Struct, frozen=True, kw_only=True):
    """What a person, *who*, did to *count* things, and *why*; *about* names them, the first ones if they are many."""

    who: Annotated[str, Meta(min_length=1, max_length=100)]
    what: Annotated[str, Meta(min_length=1, max_length=200)]
    why: Annotated[str, Meta(min_length=1, max_length=1_000)]
    count: Annotated[int, Meta(ge=0, le=LATEST_US)] = 0
    about: Annotated[list[Annotated[str, Meta(max_length=VISIT_ID_LENGTH_MAX)]], Meta(max_length=NAMED_MAX)] = []


class OperatorActed(Struct, frozen=True):
    """A person put something right.

    Written as ``VisitsRestated`` that restates no visit, with the act beside: so every program, one of 0.2.0 too, folds
    it to the same state (decision 37). The three numbers say nothing.
    """

    version: Literal[0]
    as_of_position: Literal[0]
    part: Literal[0]
    visits: Annotated[list[RestatedVisit], Meta(max_length=0)]
    act: Act = field(name=OPERATOR_ACTED)

    @classmethod
    def of(cls, act: Act) -> "OperatorActed":
        """Return the decision that records *act*."""
        return cls(0, 0, 0, [], act)


Decision = WatermarkAdvanced | RulesChanged | RecordAcknowledged | VisitsRestated | OperatorActed
