"""The summary file, read by somebody who knows nothing of the services that wrote it."""

from pathlib import Path

import msgspec
from msgspec import Struct
from parkstream_events.summaries import Outcome, Summary
from parkstream_events.wire import UNREADABLE

_line = msgspec.json.Decoder(Summary)


class Tally(Struct, frozen=True, kw_only=True):
    """What stands in a summary file: lines, current visits by outcome, and what must not be there."""

    lines: int
    completed: int
    entry_missed: int
    exit_missed: int
    retracted: int
    exits: int
    """Distinct exits among the current visits."""
    repeated_lines: int
    """Lines whose visit and revision stand there more than once."""
    repeated_exits: int
    """Current visits whose exit belongs to another current visit too."""
    torn_lines: int

    @property
    def visits(self) -> int:
        """Current visits that are not retracted."""
        return self.completed + self.entry_missed + self.exit_missed


def tally(path: Path) -> Tally:
    """Read the whole of *path* and count."""
    seen: set[tuple[str, int]] = set()
    current: dict[str, Summary] = {}
    lines = torn = 0
    with path.open("rb") as file:
        for raw in file:
            summary = _summary(raw)
            if summary is None:
                torn += 1
                continue
            lines += 1
            seen.add((summary.visit_id, summary.revision))
            known = current.get(summary.visit_id)
            if known is None or known.revision < summary.revision:
                current[summary.visit_id] = summary
    return _counted(list(current.values()), lines=lines, torn_lines=torn, repeated_lines=lines - len(seen))


def first_lines(path: Path, count: int) -> list[str]:
    """Return the first *count* lines of *path*."""
    with path.open(encoding="utf-8") as file:
        return [line.rstrip("\n") for line, _ in zip(file, range(count), strict=False)]


def plate_of(line: str) -> str:
    """Return whose summary *line* is."""
    return _line.decode(line).vehicle_plate


def _summary(raw: bytes) -> Summary | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        return _line.decode(raw)
    except UNREADABLE:
        return None


def _counted(current: list[Summary], *, lines: int, torn_lines: int, repeated_lines: int) -> Tally:
    standing = [summary for summary in current if summary.outcome is not Outcome.RETRACTED]
    # An id may be a number that comes again, at another gate or the next day.
    exits = [(one.exit_event_id, one.exit_date_time) for one in standing if one.exit_event_id is not None]
    of = {outcome: sum(summary.outcome is outcome for summary in current) for outcome in Outcome}
    return Tally(
        lines=lines,
        completed=of[Outcome.COMPLETED],
        entry_missed=of[Outcome.ENTRY_MISSED],
        exit_missed=of[Outcome.EXIT_MISSED],
        retracted=of[Outcome.RETRACTED],
        exits=len(set(exits)),
        repeated_lines=repeated_lines,
        repeated_exits=len(exits) - len(set(exits)),
        torn_lines=torn_lines,
    )
