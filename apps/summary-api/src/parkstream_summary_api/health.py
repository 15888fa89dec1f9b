"""Whether a summary could be written now."""

import asyncio
from collections.abc import Mapping

from parkstream_service.lifecycle import BackgroundTasks

from parkstream_summary_api.index import Index, IndexAwayError
from parkstream_summary_api.indexer import Indexing
from parkstream_summary_api.summary_file import FileChangedError, Journal


class Health:
    """Asks those whom a write needs."""

    def __init__(self, journal: Journal, index: Index, indexing: Indexing, tasks: BackgroundTasks) -> None:
        self._journal = journal
        self._index = index
        self._indexing = indexing
        self._tasks = tasks

    async def live(self) -> Mapping[str, str]:
        """Return what only a restart mends."""
        return {f"task {name}": problem for name, problem in self._tasks.failed.items()}

    async def ready(self) -> Mapping[str, str]:
        """Return whether the file is what was written, Redis answers, and knows the whole file."""
        return {"file": await self._file_problem(), **await self._index_problems()}

    async def _file_problem(self) -> str:
        try:
            await asyncio.to_thread(self._journal.check)
        except FileChangedError as error:
            return str(error)
        return ""

    async def _index_problems(self) -> Mapping[str, str]:
        try:
            mark = await self._index.mark()
        except IndexAwayError as error:
            return {"redis": str(error), "index": ""}
        return {"redis": "", "index": self._behind(mark.through_bytes)}

    def _behind(self, through_bytes: int) -> str:
        if self._indexing.done.is_set():
            return ""
        if self._indexing.problem:
            return self._indexing.problem
        share = min(through_bytes / self._journal.end, 1.0) if self._journal.end else 0.0
        return f"it is being brought up to date, {share:.1%} of the file is indexed"
