"""The state at earlier positions, kept in a folder: whoever asks about another time need not fold the whole log.

A snapshot is a file: a head (where it is, and which plates came up since the one before) and the state, compressed. Of
a longer log every second, fourth, ... one is kept, so that there are never more than ``KEPT_MAX``. They are of one log
under one version of the rules; those of another are removed. What they hold can always be made again.
"""

import zlib
from array import array
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, structs
from parkstream_eventlog import LogReader
from parkstream_visits import RULES_VERSION, Clock, Plate
from parkstream_visits.in_memory import InMemory

EVERY: Final = 100_000
KEPT_MAX: Final = 32
BYTES_MAX: Final = 512 << 20
LENGTH_BYTES: Final = 4
SUFFIX: Final = ".snapshot"
NEXT: Final = "next"


class DamagedSnapshotError(Exception):
    """A snapshot cannot be read; it is gone now, and the question can be asked again."""


class Mark(Struct, frozen=True, array_like=True):
    """The record that a snapshot ends with: where the log has another one there, it is not of that log."""

    recorded_at_us: int
    checksum: int


class Head(Struct, frozen=True, array_like=True):
    """A snapshot without its state.

    ``settled_us``: nothing up to here happened later, and what was true at that time or later depends on all of it.
    """

    position: int
    mark: Mark
    settled_us: int
    after: int
    plates: bytes
    """Checksums of the plates that came up after position ``after``, and maybe of some others."""

    def concerns(self, plate: str) -> bool:
        """Whether *plate* may have come up after ``after``."""
        return checksum(plate) in array("I", self.plates)


class _State(Struct, array_like=True):
    clock: Clock
    aside: bytes
    plates: dict[str, Plate]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode_head: Final = msgspec.msgpack.Decoder(Head).decode
_decode_state: Final = msgspec.msgpack.Decoder(_State).decode


def checksum(plate: str) -> int:
    """Return what stands for *plate* in a head."""
    return zlib.crc32(plate.encode())


async def mark_at(log: LogReader, position: int) -> Mark:
    """Return the mark of the record at *position*."""
    (record,) = await log.read(position - 1, 1)
    return Mark(record.recorded_at_us, zlib.crc32(record.body, zlib.crc32(record.id.encode())))


def stride(position: int, every: int = EVERY) -> int:
    """Return how far apart the snapshots of a log are that ends at *position*."""
    while position // every > KEPT_MAX:
        every *= 2
    return every


class Snapshots:
    """The snapshots in *folder* of the log *log_id*; only one process at a time may use it."""

    def __init__(self, folder: Path, log_id: str, *, every: int = EVERY) -> None:
        self._folder = folder
        self._every = every
        self._prefix = f"{log_id}-{RULES_VERSION}-"
        self.heads: list[Head] = []
        found = [(head, file) for file in folder.iterdir() if (head := self._head_in(file))]
        for head, file in sorted(found, key=lambda one: one[0].position):
            if head.after > self.last:  # One is gone, and with it what it knew of plates.
                file.unlink()
            else:
                self.heads.append(head)

    @property
    def last(self) -> int:
        """The position of the last snapshot; 0 without any."""
        return self.heads[-1].position if self.heads else 0

    async def check(self, log: LogReader) -> None:
        """Remove what is not of *log*, which may have lost its end and gone on otherwise."""
        end = (await log.state()).position
        while self.heads:
            head = self.heads[-1]
            if head.position <= end and head.mark == await mark_at(log, head.position):
                return
            self._remove_from(head.position)

    def wanted(self, position: int) -> bool:
        """Whether the state at *position* is to be kept."""
        return position > self.last and position % stride(position, self._every) == 0

    def keep(self, head: Head, memory: InMemory) -> None:
        """Keep the state in *memory*, and no more than there is room for."""
        state = memory.state
        kept = zlib.compress(_encode(_State(state.clock, state.clock.aside, state.plates)), 1)
        if len(kept) + sum(file.stat().st_size for file in self._folder.iterdir()) > BYTES_MAX:
            return
        try:
            self._write(head, kept)
            self.heads.append(head)
            self._thin(stride(head.position, self._every))
        except OSError:  # A full disk makes the next question slower, and this one no worse.
            (self._folder / NEXT).unlink(missing_ok=True)

    def load(self, head: Head) -> InMemory:
        """Return the state of *head*; raise ``DamagedSnapshotError`` when it cannot be read."""
        try:
            content = self._file(head).read_bytes()
            state = _decode_state(zlib.decompress(content[_state_begins(content) :]))
        except (OSError, zlib.error, msgspec.DecodeError) as error:
            self._remove_from(head.position)
            message = f"what was kept of the state at position {head.position} cannot be read: ask again"
            raise DamagedSnapshotError(message) from error
        state.clock.take_aside(state.aside)
        return InMemory(state.clock, state.plates)

    def _thin(self, apart: int) -> None:
        """Keep those at multiples of *apart* only; they take over what the others know of plates."""
        kept: list[Head] = []
        dropped: list[Head] = []
        plates: set[int] = set()
        for head in self.heads:
            if head.position % apart:
                plates.update(array("I", head.plates))
                dropped.append(head)
            elif plates:
                plates.update(array("I", head.plates))
                after = kept[-1].position if kept else 0
                kept.append(structs.replace(head, after=after, plates=packed(plates)))
                content = self._file(head).read_bytes()
                self._write(kept[-1], content[_state_begins(content) :])
                plates = set()
            else:
                kept.append(head)
        for head in dropped:
            self._file(head).unlink(missing_ok=True)
        self.heads = kept

    def _file(self, head: Head) -> Path:
        return self._folder / f"{self._prefix}{head.position}{SUFFIX}"

    def _write(self, head: Head, state: bytes) -> None:
        """Write a snapshot so that whoever is killed meanwhile leaves the old one or the new one."""
        encoded = _encode(head)
        written = self._folder / NEXT
        written.write_bytes(len(encoded).to_bytes(LENGTH_BYTES, "big") + encoded + state)
        written.rename(self._file(head))

    def _remove_from(self, position: int) -> None:
        """Remove the snapshot at *position*, and all that follow: what was known of plates is whole no more."""
        for head in self.heads:
            if head.position >= position:
                self._file(head).unlink(missing_ok=True)
        self.heads = [head for head in self.heads if head.position < position]

    def _head_in(self, file: Path) -> Head | None:
        """Return the head in *file*; remove what is none of this log and these rules."""
        if file.name.startswith(self._prefix) and file.name.endswith(SUFFIX):
            with file.open("rb") as content, suppress(msgspec.DecodeError):
                length = int.from_bytes(content.read(LENGTH_BYTES), "big")
                return _decode_head(content.read(length))
        file.unlink()
        return None


def packed(plates: Iterable[int]) -> bytes:
    """Return the checksums *plates* as a head has them."""
    return array("I", sorted(plates)).tobytes()


def _state_begins(content: bytes) -> int:
    return LENGTH_BYTES + int.from_bytes(content[:LENGTH_BYTES], "big")
