"""One look at everything that changes."""

from typing import Protocol

from msgspec import Struct
from parkstream_events.summaries import Summary
from parkstream_projection.present import GateState, Present

from parkstream_console.live.history import Minute


class Percentiles(Struct, frozen=True):
    """Milliseconds; None before there was any."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class SummaryFile(Struct, frozen=True, kw_only=True):
    """What the summary API says of its file; *problem* when it does not answer, and the rest is older then."""

    lines: int = 0
    position: int = 0
    exit_to_disk_ms: Percentiles = Percentiles()
    newest: list[Summary] = []
    """The last summaries, the newest first."""
    problem: str = ""


class Figures(Struct, frozen=True, kw_only=True):
    """What was seen at *at_us* (microseconds since 1970, UTC); *problem* when Redis does not answer.

    Without *present* nothing is known: nothing is shown as zero that was not looked at.
    """

    at_us: int
    present: Present | None
    position: int
    outbox_depth: int
    parked: int
    minutes: list[Minute]
    minutes_begun_us: int
    outcomes: dict[str, int]
    outcomes_begun_us: int
    summaries: SummaryFile
    problem: str = ""

    @property
    def lag(self) -> int:
        """How many records are not projected yet."""
        return max(0, self.position - self.present.checkpoint) if self.present else 0

    @property
    def gates(self) -> list[GateState]:
        """How far each gate has reported, those aside that never have."""
        return [gate for gate in self.present.gates if gate.recorded_at.timestamp()] if self.present else []

    @property
    def matched_share(self) -> float | None:
        """Which share of the exits of the last hour had an entry; None without exits."""
        exits = self.outcomes["completed"] + self.outcomes["entry_missed"]
        return self.outcomes["completed"] / exits if exits else None


class Look(Protocol):
    """Looks at everything once."""

    async def __call__(self) -> Figures:
        """Return what there is now; it does not raise when somebody is away, but says so."""
        ...
