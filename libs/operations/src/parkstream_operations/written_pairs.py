"""Which (visit, revision) pairs the summary file has: asked of the summary API, page by page."""

from collections.abc import AsyncIterator, Iterable
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from parkstream_projection.verify.contents import Pair
from parkstream_service.client import ServiceClient

PAGE_SIZE: Final = 1_000


class _Line(Struct):
    visit_id: str
    revision: int


class _Page(Struct):
    summaries: list[_Line]
    next_cursor: str | None


async def pairs_of(url: str, client: ServiceClient) -> AsyncIterator[Iterable[Pair]]:
    """Yield the pairs that the summary API at *url* has written; raise ``UnreachableError``."""
    cursor: str | None = "0"
    while cursor is not None:
        page = await client.get(f"{url}/v1/summaries?current=false&limit={PAGE_SIZE}&cursor={quote(cursor)}", _Page)
        yield [(line.visit_id, line.revision) for line in page.summaries]
        cursor = page.next_cursor
