"""The composition root: every part is made here, and lives between the start and the end of the application."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from litestar import Litestar
from litestar.di import Provide
from parkstream_events.keys import Database, SummaryApiKeys
from parkstream_service.redis import Client, connect
from parkstream_telemetry import Telemetry, TelemetryOptions, names, start

from parkstream_summary_api.auth import bearer_guards
from parkstream_summary_api.bodies import BODY_BYTES_MAX
from parkstream_summary_api.core.ledger import Mark
from parkstream_summary_api.documents import openapi
from parkstream_summary_api.group_commit import Commits, Settled
from parkstream_summary_api.health import Health
from parkstream_summary_api.index import TIMEOUT_SECONDS, Index
from parkstream_summary_api.indexer import Indexing
from parkstream_summary_api.middleware import Requests, note_error
from parkstream_summary_api.problems import handlers
from parkstream_summary_api.reader import Reading
from parkstream_summary_api.routes import api
from parkstream_summary_api.settings import Settings
from parkstream_summary_api.statistics import Statistics
from parkstream_summary_api.summary_file import Journal
from parkstream_summary_api.write_spans import Writes

INPUT_OUTPUT_ERROR: Final = 74
"""The exit code of a process that does not know any more what is on disk."""


def create_app(settings: Settings) -> Litestar:
    """Return the application; ``app.state.journal.open()`` may be called before it is served, to fail early."""
    parts = Parts(settings, start(_telemetry_options(settings)))
    app = Litestar(
        route_handlers=api(bearer_guards(settings.api_token)),
        dependencies=parts.dependencies(),
        exception_handlers=handlers(parts.report),
        middleware=[Requests(parts.telemetry)],
        after_exception=[note_error],
        lifespan=[lambda _: parts.running()],
        openapi_config=openapi(guarded=bool(settings.api_token)),
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
    )
    app.state.journal = parts.journal
    return app


class Parts:
    """What the application is made of."""

    def __init__(self, settings: Settings, telemetry: Telemetry) -> None:
        self.telemetry = telemetry
        self.journal = Journal(Path(settings.summary_file).absolute())
        self.index = Index(_redis(settings), SummaryApiKeys(settings.mall))
        self.indexing = Indexing(self.journal, self.index, self._say, self._complain)
        self.writes = Writes(telemetry)
        self.statistics = Statistics(telemetry, self.index, self.journal)
        self.commits = Commits(self.journal, self.index, self.indexing, self._settled, self._complain)
        self.reading = Reading(self.journal, self.index, self.indexing)
        self.health = Health(self.journal, self.index, self.indexing)

    def dependencies(self) -> dict[str, Provide]:
        """Return what the routes ask for by name."""
        return {
            "commits": Provide(lambda: self.commits, sync_to_thread=False),
            "reading": Provide(lambda: self.reading, sync_to_thread=False),
            "statistics": Provide(lambda: self.statistics, sync_to_thread=False),
            "health": Provide(lambda: self.health, sync_to_thread=False),
            "telemetry": Provide(lambda: self.telemetry, sync_to_thread=False),
        }

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Hold the file, write what arrives, and keep the index true; at the end finish what was accepted."""
        self.journal.open()
        if self.journal.torn_bytes:
            self.telemetry.log(names.EVENT_FILE_REPAIRED, bytes=self.journal.torn_bytes)
        self.telemetry.log(names.EVENT_STARTED)
        indexing, commits = asyncio.create_task(self.indexing.run()), asyncio.create_task(self.commits.run())
        for task in (indexing, commits):
            task.add_done_callback(self._ended)
        try:
            yield
        finally:
            self.commits.close()
            await commits
            indexing.cancel()
            await self.index.close()
            self.journal.close()
            self.telemetry.log(names.EVENT_STOPPED)
            self.telemetry.shutdown()

    def report(self, error: Exception) -> None:
        """Log what nobody foresaw."""
        self.telemetry.log(names.EVENT_REQUEST_FAILED, error=error)

    def _settled(self, settled: Settled) -> None:
        self.statistics.settled(settled)
        self.writes.settled(settled)

    def _say(self, step: str, mark: Mark) -> None:
        self.telemetry.log(names.EVENT_INDEXED, step=step, indexed_bytes=mark.through_bytes, bytes=self.journal.end)

    def _complain(self, detail: str) -> None:
        self.telemetry.log(names.EVENT_WRITE_FAILED, detail=detail)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Leave at once when the writer or the indexer failed: whoever starts next recovers by reading."""
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self.telemetry.log(names.EVENT_WRITE_FAILED, detail=str(error), error=error)
            sys.stderr.write(f"error: {error}\n")
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(INPUT_OUTPUT_ERROR)


def _telemetry_options(settings: Settings) -> TelemetryOptions:
    return TelemetryOptions(
        service="parkstream-summary-api",
        plate_hash_key=settings.plate_hash_key or "",
        log_format=settings.log_format,
        statistics_seconds=settings.statistics_seconds,
    )


def _redis(settings: Settings) -> Client:
    name = "parkstream-summary-api"
    return connect(settings.redis_url, Database.SUMMARY_API, name=name, timeout_seconds=TIMEOUT_SECONDS)
