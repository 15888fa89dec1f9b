"""What the records of a segment can be found by, in a file beside it: their names, hashed and sorted, with positions.

It holds nothing that the segment does not: a file that is missing, damaged or of another segment is made anew. The
magic counts up when the layout changes, or what records are found by.
"""

import mmap
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Iterator
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Final, NamedTuple, Self

from parkstream_eventlog.archive.durable import replacing
from parkstream_eventlog.archive.manifest import SUFFIX, Segment
from parkstream_eventlog.archive.reader import READ, Archive
from parkstream_eventlog.archive.segments import SegmentReader
from parkstream_eventlog.log import Record

INDEX_SUFFIX: Final = ".index"
MAGIC: Final = b"parkstream idx 1"
HASH_BYTES: Final = 5
OFFSET_BYTES: Final = 3
ENTRY_BYTES: Final = HASH_BYTES + OFFSET_BYTES
DIGEST_BYTES: Final = 32
HEADER_BYTES: Final = len(MAGIC) + 2 * DIGEST_BYTES
MADE_AT_ONCE: Final = 4
"""Segments without an index that one search reads; as many are kept in memory."""

Names = Callable[[Record], Iterable[str]]
"""Returns what a record can be found by; each with its kind, so that an id is never taken for something else."""


class SegmentIndex:
    """The index of *segment*; *entries* are sorted: the hash of a name, and how far after its first position it is."""

    def __init__(self, segment: Segment, entries: bytes | mmap.mmap, begin: int = 0) -> None:
        self.segment: Final = segment
        self._entries = entries
        self._begin = begin
        self._count = (len(entries) - begin) // ENTRY_BYTES

    @classmethod
    def made(cls, folder: Path, segment: Segment, names: Names) -> Self:
        """Return the index of *segment*, out of its records; raise ``CorruptArchiveError``."""
        reader, found = SegmentReader(folder, segment), set[bytes]()
        while records := reader.read(READ):
            for record in records:
                offset = (record.position - segment.first).to_bytes(OFFSET_BYTES, "big")
                found.update(_hash(name) + offset for name in names(record))
        return cls(segment, b"".join(sorted(found)))

    @classmethod
    def kept(cls, folder: Path, segment: Segment, *, whole: bool = True) -> Self | None:
        """Return the index beside *segment*; None without one that is this segment's and, if *whole*, undamaged."""
        try:
            with index_path(folder, segment).open("rb") as file:
                content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError):  # None there; empty.
            return None
        header = content[:HEADER_BYTES]
        if len(header) < HEADER_BYTES or not header.startswith(MAGIC + bytes.fromhex(segment.sha256)):
            return None
        if whole and sha256(memoryview(content)[HEADER_BYTES:]).digest() != header[-DIGEST_BYTES:]:
            return None
        return cls(segment, content, HEADER_BYTES)

    def save(self, folder: Path) -> None:
        """Put it beside its segment, durably; whoever does has to be ``alone_in`` *folder*."""
        entries = self._entries[self._begin :]
        with replacing(index_path(folder, self.segment)) as file:
            file.write(MAGIC + bytes.fromhex(self.segment.sha256) + sha256(entries).digest() + entries)

    def positions(self, name: str) -> Iterator[int]:
        """Yield where *name* is, in order; once in 10¹² names it is another one's place."""
        wanted = _hash(name)
        nth = bisect_left(range(self._count), wanted, key=lambda nth: self._entry(nth)[:HASH_BYTES])
        while nth < self._count and (entry := self._entry(nth)).startswith(wanted):
            yield self.segment.first + int.from_bytes(entry[HASH_BYTES:], "big")
            nth += 1

    def _entry(self, nth: int) -> bytes:
        start = self._begin + nth * ENTRY_BYTES
        return self._entries[start : start + ENTRY_BYTES]


class Found(NamedTuple):
    """Records of an archive, the newest first; *unsearched* segments have no index, and were too many to be read."""

    records: list[Record]
    unsearched: int


class ArchiveIndex:
    """Finds records in *archive* by what *names* says of them; writes nothing. For one thread at a time."""

    def __init__(self, archive: Archive, names: Names) -> None:
        self.archive: Final = archive
        self._names = names
        self._whole: set[str] = set()
        self._made: OrderedDict[str, SegmentIndex] = OrderedDict()

    def find(self, wanted: Collection[str], most: int) -> Found:
        """Return up to *most* records that have one of the names *wanted*, the newest ones."""
        found: list[Record] = []
        unsearched = made = 0
        for segment in reversed(self.archive.manifest.segments):
            index = self._index_of(segment, make=made < MADE_AT_ONCE)
            if index is None:
                unsearched += 1
                continue
            made += segment.sha256 in self._made
            for position in sorted({at for name in wanted for at in index.positions(name)}, reverse=True)[:most]:
                (record,) = self.archive.read(position - 1, 1)
                if not set(wanted).isdisjoint(self._names(record)):
                    found.append(record)
                    if len(found) == most:
                        return Found(found, unsearched)
        return Found(found, unsearched)

    def _index_of(self, segment: Segment, *, make: bool) -> SegmentIndex | None:
        key = segment.sha256
        if index := SegmentIndex.kept(self.archive.folder, segment, whole=key not in self._whole):
            self._whole.add(key)
            self._made.pop(key, None)
            return index
        if key not in self._made:
            if not make:
                return None
            self._made[key] = SegmentIndex.made(self.archive.folder, segment, self._names)
            if len(self._made) > MADE_AT_ONCE:
                self._made.popitem(last=False)
        return self._made[key]


def index_path(folder: Path, segment: Segment) -> Path:
    """Return where the index of *segment* is."""
    return folder / (segment.name.removesuffix(SUFFIX) + INDEX_SUFFIX)


def make_missing(archive: Archive, names: Names) -> int:
    """Write an index beside each segment that has none, and return how many; for who is ``alone_in`` its folder."""
    made = 0
    for segment in archive.manifest.segments:
        if SegmentIndex.kept(archive.folder, segment) is None:
            SegmentIndex.made(archive.folder, segment, names).save(archive.folder)
            made += 1
    return made


def _hash(name: str) -> bytes:
    return blake2b(name.encode(errors="surrogatepass"), digest_size=HASH_BYTES).digest()
