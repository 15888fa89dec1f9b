"""Which (visit, revision) pairs the summary file has: read from the file, or asked of the summary API page by page."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from parkstream_operations.written_pairs import pairs_of
from parkstream_projection.verify.contents import Pair
from parkstream_service.client import ServiceClient
from parkstream_service.foreign_data import UNREADABLE, lines_cut
from parkstream_service.unreachable import UnreachableError

from parkstream_cli.connections import unreachable
from parkstream_cli.errors import ToolError

VARIABLE: Final = "PARKSTREAM_SUMMARY_URL"
LINES_AT_ONCE: Final = 10_000
LINE_BYTES_MAX: Final = 1 << 20


class _Line(Struct):
    visit_id: str
    revision: int


_line_of: Final = msgspec.json.Decoder(_Line).decode


async def pairs_in_file(file: Path) -> AsyncIterator[Iterable[Pair]]:
    """Yield the pairs in *file*, line by line; what is no summary is passed. Raises ``ToolError``."""
    try:
        with file.open("rb") as opened:
            lines = lines_cut(opened, LINE_BYTES_MAX)
            while some := await asyncio.to_thread(lambda: list(islice(lines, LINES_AT_ONCE))):
                yield [pair for line in some if (pair := _pair_of(line)) is not None]
    except OSError as error:
        message = f"{file}: {error.strerror}: name the summary file, or leave --summaries out to ask the summary API"
        raise ToolError(message) from error


async def pairs_of_api(url: str, client: ServiceClient) -> AsyncIterator[Iterable[Pair]]:
    """Yield the pairs that the summary API at *url* has written; raise ``UnreachableError``."""
    try:
        async for pairs in pairs_of(url, client):
            yield pairs
    except UnreachableError as error:
        raise unreachable(url, error.why, VARIABLE) from error


def _pair_of(line: bytes) -> Pair | None:
    """Return what *line* is about; one that is cut short is as good as none."""
    if not line.endswith(b"\n"):
        return None
    try:
        found = _line_of(line)
    except UNREADABLE:
        return None
    return found.visit_id, found.revision
