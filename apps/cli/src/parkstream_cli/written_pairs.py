"""Which (visit, revision) pairs the summary file has: read from the file, or asked of the summary API page by page."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from itertools import islice
from pathlib import Path
from typing import Final
from urllib.parse import quote

import msgspec
from msgspec import Struct
from parkstream_devtools.probes import ServiceClient, UnreachableError
from parkstream_projection.verify.contents import Pair

from parkstream_cli.connections import unreachable
from parkstream_cli.errors import ToolError

VARIABLE: Final = "PARKSTREAM_SUMMARY_URL"
LINES_AT_ONCE: Final = 10_000
PAGE_SIZE: Final = 1_000


class _Line(Struct):
    visit_id: str
    revision: int


class _Page(Struct):
    summaries: list[_Line]
    next_cursor: str | None


_line_of: Final = msgspec.json.Decoder(_Line).decode


async def pairs_in_file(file: Path) -> AsyncIterator[Iterable[Pair]]:
    """Yield the pairs in *file*, line by line; what is no summary is passed. Raises ``ToolError``."""
    try:
        with file.open("rb") as lines:
            while some := await asyncio.to_thread(lambda: list(islice(lines, LINES_AT_ONCE))):
                yield [pair for line in some if (pair := _pair_of(line)) is not None]
    except OSError as error:
        message = f"{file}: {error.strerror}: name the summary file, or leave --summaries out to ask the summary API"
        raise ToolError(message) from error


async def pairs_of_api(url: str, client: ServiceClient) -> AsyncIterator[Iterable[Pair]]:
    """Yield the pairs that the summary API at *url* has written; raise ``UnreachableError``."""
    cursor: str | None = "0"
    while cursor is not None:
        query = f"current=false&limit={PAGE_SIZE}&cursor={quote(cursor)}"
        try:
            page = await client.get(f"{url}/v1/summaries?{query}", _Page)
        except UnreachableError as error:
            raise unreachable(url, error.why, VARIABLE) from error
        yield [(line.visit_id, line.revision) for line in page.summaries]
        cursor = page.next_cursor


def _pair_of(line: bytes) -> Pair | None:
    """Return what *line* is about; one that is cut short is as good as none."""
    if not line.endswith(b"\n"):
        return None
    try:
        found = _line_of(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    return found.visit_id, found.revision
