"""Lines of the summary file, and what the index needs of each."""

from typing import Final

import msgspec
from parkstream_events.wire import UNREADABLE

from parkstream_summary_api.core.ledger import Heading
from parkstream_summary_api.summary_file import Journal

CHUNK_BYTES: Final = 512 * 1024
_heading = msgspec.json.Decoder(Heading).decode


def whole_lines(journal: Journal, offset: int, size: int) -> list[bytes]:
    """Return the lines from *offset* on, without newlines: what *size* bytes hold whole, and at least one."""
    whole, newline, _ = journal.read(offset, size).rpartition(b"\n")
    return (whole if newline else journal.line_at(offset)).split(b"\n")


def heading_of(line: bytes) -> Heading | None:
    """Return what the index needs of *line*, or nothing when nobody can read it."""
    try:
        return _heading(line)
    except UNREADABLE:
        return None
