"""One line of JSON for every fault, in a file that outlives the campaign."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

NAME: Final = "faults.jsonl"
USUAL: Final = Path(".chaos")


class LedgerError(Exception):
    """The folder cannot be used; the message says why, and what to do."""


class Line(Struct, frozen=True, kw_only=True):
    """What became of one fault."""

    at: str
    seed: int
    position: int
    kind: str
    hits: str
    events: int
    """How many sightings passed since the fault before."""
    events_so_far: int
    """In this run."""
    recover_ms: float
    """From its healing until all was ready, and all that was published recorded, decided and delivered."""
    broken: list[str]
    lost: int = 0
    """How many of all sightings so far, which RabbitMQ has confirmed, were in the end not in the log."""
    without_replicas: bool = False
    """Whether backends waited for no replica: then a loss breaks no promise."""


class Ledger:
    """The lines in *folder*; *resumed*: those that are there stay."""

    def __init__(self, folder: Path, *, resumed: bool) -> None:
        self.folder = folder
        self._file = folder / NAME
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not resumed:
                self._file.unlink(missing_ok=True)
            self.before = lines_in(self._file) if self._file.exists() else []
        except OSError as error:
            message = f"{folder} cannot be used ({error.strerror}): name another one with --resume"
            raise LedgerError(message) from error

    def add(self, line: Line) -> None:
        """Write *line*; it is on disk when this returns."""
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")
            file.flush()
            os.fsync(file.fileno())


def lines_in(file: Path) -> list[Line]:
    """Return the lines of *file*, and cut off one that is not whole; raise ``LedgerError`` when one is none."""
    content = file.read_bytes()
    whole = content[: content.rfind(b"\n") + 1]
    try:
        lines = [msgspec.json.decode(raw, type=Line) for raw in whole.splitlines()]
    except msgspec.DecodeError as error:
        message = f"{file} holds something that no campaign has written ({error}): move it away"
        raise LedgerError(message) from error
    if len(whole) < len(content):
        file.write_bytes(whole)
    return lines


def seeds_in(lines: Iterable[Line]) -> set[int]:
    """Return the seeds that have been run."""
    return {line.seed for line in lines}
