"""Whether a summary could be written now."""

import msgspec

from parkstream_summary_api.index import Index, IndexAwayError
from parkstream_summary_api.indexer import Indexing
from parkstream_summary_api.summary_file import Journal


class Readiness(msgspec.Struct, frozen=True, omit_defaults=True):
    """``problem`` says what is missing; ``indexed_share`` how much of the file Redis knows."""

    status: str
    problem: str | None = None
    indexed_share: float = 1.0


class Health:
    """Asks those whom a write needs."""

    def __init__(self, journal: Journal, index: Index, indexing: Indexing) -> None:
        self._journal = journal
        self._index = index
        self._indexing = indexing

    async def readiness(self) -> Readiness:
        """Return whether Redis answers and knows the whole file."""
        try:
            mark = await self._index.mark()
        except IndexAwayError as error:
            return Readiness("not ready", str(error))
        if self._indexing.done.is_set():
            return Readiness("ready")
        share = mark.through_bytes / self._journal.end if self._journal.end else 0.0
        return Readiness("not ready", "the index is being brought up to date", round(min(share, 1.0), 4))
