"""Which of the summaries at hand are new, and what the index has to learn about them."""

from collections import Counter
from collections.abc import Iterable, Mapping
from hashlib import blake2b
from operator import attrgetter
from struct import Struct as Packing
from typing import Annotated, Final, NamedTuple

import msgspec
from parkstream_events.summaries import (
    POSITION_MAX,
    REVISION_MAX,
    VISIT_ID_LENGTH_MAX,
    ItemStatus,
    Outcome,
    Summary,
    SummaryItem,
)
from parkstream_events.wire import encode

from parkstream_summary_api.core.days import day_of

DIGEST_BYTES: Final = 8
_PACKED: Final = Packing(f"<IQ{DIGEST_BYTES}sB")
_OUTCOMES: Final = (Outcome.COMPLETED, Outcome.ENTRY_MISSED, Outcome.EXIT_MISSED, Outcome.RETRACTED)
_CODES: Final = {outcome: code for code, outcome in enumerate(_OUTCOMES)}
_KEPT: Final = Summary.__struct_fields__
_kept_in: Final = attrgetter(*_KEPT)


class Entry(NamedTuple):
    """What the index keeps of one line: enough to find it, and to tell a repetition from a contradiction."""

    revision: int
    offset: int
    digest: bytes
    outcome: Outcome


class Heading(msgspec.Struct, frozen=True):
    """What the index needs of a line in the file."""

    visit_id: Annotated[str, msgspec.Meta(min_length=1, max_length=VISIT_ID_LENGTH_MAX)]
    revision: Annotated[int, msgspec.Meta(ge=1, le=REVISION_MAX)]
    outcome: Outcome
    position: Annotated[int, msgspec.Meta(ge=1, le=POSITION_MAX)]


class Mark(NamedTuple):
    """How far the file is indexed, and the digests of the last and the first line: they tell one file from another."""

    through_bytes: int
    tail: bytes
    head: bytes


NOTHING_INDEXED: Final = Mark(0, b"", b"")


class Ledger:
    """The visits at hand as the index *known* them, and what is added to them, line by line, from *mark* on."""

    def __init__(self, known: Mapping[str, tuple[Entry, ...]], mark: Mark) -> None:
        self._known = dict(known)
        self.began = self.mark = mark
        self.lines: list[bytes] = []
        self.counts: Counter[str] = Counter()
        self.changed: set[str] = set()
        self.ranges: dict[int | None, tuple[int, int]] = {}
        """Day to the bytes of the file between which its added lines are."""
        self.position = 0
        """The greatest position among the lines that were added."""

    def take(self, item: SummaryItem) -> ItemStatus:
        """Return what *item* is to the file, and add its line to ``lines`` when it is new."""
        summary = kept_of(item)
        line = encode(summary)
        digest = digest_of(line)
        for entry in self._known.get(summary.visit_id, ()):
            if entry.revision == summary.revision:
                return ItemStatus.DUPLICATE if entry.digest == digest else ItemStatus.CONFLICT
        self.lines.append(line + b"\n")
        self._add(summary, len(line), digest)
        return ItemStatus.WRITTEN

    def found(self, line: bytes, heading: Heading | None) -> None:
        """Take in a *line* of the file (without its newline); one without *heading* cannot be read."""
        digest = digest_of(line)
        if heading is None:
            self.counts["unreadable"] += 1
        elif all(entry.revision != heading.revision for entry in self._known.get(heading.visit_id, ())):
            self._add(heading, len(line), digest)
            return
        else:
            self.counts["repeated"] += 1
        self._move(len(line), digest)

    def entries(self, visit_id: str) -> bytes:
        """Return the packed entries of *visit_id*, as the index keeps them."""
        return packed(self._known[visit_id])

    def _add(self, added: Summary | Heading, length: int, digest: bytes) -> None:
        before = self._known.get(added.visit_id, ())
        self._count(before, added)
        entry = Entry(added.revision, self.mark.through_bytes, digest, added.outcome)
        self._known[added.visit_id] = (*before, entry)
        self.changed.add(added.visit_id)
        self.position = max(self.position, added.position)
        self._widen(day_of(added.visit_id), length)
        self._move(length, digest)

    def _widen(self, day: int | None, length: int) -> None:
        start, _ = self.ranges.get(day, (self.mark.through_bytes, 0))
        self.ranges[day] = start, self.mark.through_bytes + length + 1

    def _count(self, before: tuple[Entry, ...], added: Summary | Heading) -> None:
        self.counts["lines"] += 1
        if not before:
            self.counts["visits"] += 1
        elif (current := current_of(before)).revision < added.revision:
            self.counts[current.outcome.value] -= 1
        else:
            return
        self.counts[added.outcome.value] += 1

    def _move(self, length: int, digest: bytes) -> None:
        self.mark = Mark(self.mark.through_bytes + length + 1, digest, self.mark.head or digest)


def kept_of(item: SummaryItem) -> Summary:
    """Return what of *item* is kept; by attributes, since that is several times faster than ``convert``."""
    return Summary(**dict(zip(_KEPT, _kept_in(item), strict=True)))


def digest_of(line: bytes) -> bytes:
    """Return the digest of a *line* without its newline."""
    return blake2b(line, digest_size=DIGEST_BYTES).digest()


def packed(entries: Iterable[Entry]) -> bytes:
    """Return *entries* as the index keeps them."""
    return b"".join([_PACKED.pack(*entry[:3], _CODES[entry.outcome]) for entry in entries])


def entries_of(kept: bytes) -> tuple[Entry, ...]:
    """Return the entries that the index keeps as *kept*."""
    return tuple([Entry(r, o, d, _OUTCOMES[code]) for r, o, d, code in _PACKED.iter_unpack(kept)])


def current_of(entries: tuple[Entry, ...]) -> Entry:
    """Return the entry with the greatest revision."""
    return max(entries)
