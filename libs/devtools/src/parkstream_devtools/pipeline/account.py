"""The account: what was published, recorded and written; it balances when every exit is in one current summary."""

from collections.abc import Sequence

from msgspec import Struct
from parkstream_telemetry.kept_traces.waterfall import Row

from parkstream_devtools.pipeline.summary_file import Tally


class Milliseconds(Struct, frozen=True):
    """Percentiles of a latency; ``None`` when nothing was measured."""

    p50: float | None = None
    p95: float | None = None
    p99: float | None = None


class Published(Struct, frozen=True, kw_only=True):
    """What the cameras report as published, distinct events with a plate only; *placeholders*: those without one.

    *matched* and *unmatched* exits, the rest are duplicate reads of cars that creep.
    """

    entries: int
    exits: int
    matched: int
    unmatched: int
    placeholders: int = 0
    entries_by_gate: dict[str, int] = {}
    exits_by_gate: dict[str, int] = {}

    @property
    def leaving(self) -> int:
        """How many cars were seen leaving."""
        return self.matched + self.unmatched


class Account(Struct, frozen=True, kw_only=True):
    """What went in, what came out, and what is wrong; the object that ``--json`` prints."""

    entries_published: int
    exits_published: int
    entries_by_gate: dict[str, int]
    exits_by_gate: dict[str, int]
    duplicate_exit_reads: int
    placeholders: int
    completed: int
    entry_missed: int
    exit_missed: int
    lines: int
    missing: int
    duplicated: int
    matched_share: float
    exit_to_disk_ms: Milliseconds
    pending_exit_to_disk_ms: Milliseconds
    summary_file: str
    trace: list[Row] = []


class Line(Struct, frozen=True):
    """One equation of the account."""

    says: str
    left: int
    right: int

    @property
    def holds(self) -> bool:
        """Whether both sides are equal."""
        return self.left == self.right


def equations(  # noqa: PLR0913 - what is compared
    published: Published,
    found: Tally,
    *,
    waiting: int,
    emitted: int,
    recorded: tuple[int, int],
    dead: int,
) -> list[Line]:
    """Return what must hold when nothing is pending and the outbox is empty.

    *waiting*: all that is on its way or pending; *emitted*: (visit, revision) pairs of the backend; *recorded*: entries
    and exits in its log; *dead*: dead letters.
    """
    return [
        Line("on its way or pending", waiting, 0),
        Line("entries published = entries in the log", published.entries, recorded[0]),
        Line("exits published = exits in the log", published.exits, recorded[1]),
        Line("reads without a plate = dead letters", published.placeholders, dead),
        Line("cars seen leaving = completed + entry_missed", published.leaving, found.completed + found.entry_missed),
        Line("exits with an entry = completed", published.matched, found.completed),
        Line("exits without an entry = entry_missed", published.unmatched, found.entry_missed),
        Line("summaries emitted = lines on disk", emitted, found.lines),
        Line("cars seen leaving that are missing on disk", published.leaving - found.exits, 0),
        Line("duplicated or torn lines", found.repeated_lines + found.repeated_exits + found.torn_lines, 0),
    ]


def account(
    published: Published,
    found: Tally,
    *,
    to_disk: tuple[Milliseconds, Milliseconds],
    file: str,
    trace: Sequence[Row] = (),
) -> Account:
    """Return the account of *published* against *found*, and one car's *trace*.

    *to_disk*: of exits decided on arrival, and of pending ones that were decided while cars came.
    """
    exits = found.completed + found.entry_missed
    return Account(
        entries_published=published.entries,
        exits_published=published.exits,
        entries_by_gate=published.entries_by_gate,
        exits_by_gate=published.exits_by_gate,
        duplicate_exit_reads=published.exits - published.leaving,
        placeholders=published.placeholders,
        completed=found.completed,
        entry_missed=found.entry_missed,
        exit_missed=found.exit_missed,
        lines=found.lines,
        missing=published.leaving - found.exits,
        duplicated=found.repeated_lines + found.repeated_exits,
        matched_share=round(found.completed / exits, 4) if exits else 0.0,
        exit_to_disk_ms=to_disk[0],
        pending_exit_to_disk_ms=to_disk[1],
        summary_file=file,
        trace=list(trace),
    )
