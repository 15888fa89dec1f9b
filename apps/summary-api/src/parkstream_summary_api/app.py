"""The composition root: every part is made here, and lives between the start and the end of the application."""

import os
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from litestar import Litestar
from litestar.di import Provide
from parkstream_events.keys import Database, SummaryApiKeys
from parkstream_service.explanation import described
from parkstream_service.http import HttpFace, bearer_guards, http_app
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_service.redis import Client, connect
from parkstream_telemetry import AccessReports, RefusedRequests, TelemetryOptions, names, start

from parkstream_summary_api.bodies import BODY_BYTES_MAX
from parkstream_summary_api.core.ledger import Mark
from parkstream_summary_api.file_log import FileLog
from parkstream_summary_api.group_commit import Commits, Settled
from parkstream_summary_api.health import Health
from parkstream_summary_api.index import TIMEOUT_SECONDS, Index
from parkstream_summary_api.indexer import Indexing
from parkstream_summary_api.middleware import Requests, note_error
from parkstream_summary_api.old_days import OldDays
from parkstream_summary_api.problems import KINDS
from parkstream_summary_api.reader import Reading
from parkstream_summary_api.routes import api
from parkstream_summary_api.settings import Settings
from parkstream_summary_api.statistics import Statistics
from parkstream_summary_api.summary_file import Journal
from parkstream_summary_api.write_spans import Writes

INPUT_OUTPUT_ERROR: Final = 74
"""The exit code of a process that does not know any more what is on disk."""


def create_app(settings: Settings) -> Litestar:
    """Return the application that *settings* describe."""
    return http_app(face_of(Parts(settings), settings))


def face_of(parts: "Parts", settings: Settings) -> HttpFace:
    """Return what answers for *parts*."""
    access = settings.access()
    return HttpFace(
        title="Parkstream summary-api",
        description="Writes one line per visit revision to a file, and answers when it is on disk.",
        access=access,
        routes=[api(bearer_guards(access.callers), parts.dependencies())],
        live=parts.health.live,
        ready=parts.health.ready,
        metrics=parts.telemetry.prometheus,
        lifespan=parts.running,
        report=parts.report,
        warn=AccessReports(parts.telemetry, access),
        refused=RefusedRequests(parts.telemetry),
        kinds=KINDS,
        middleware=[Requests(parts.telemetry)],
        after_exception=[note_error],
        body_bytes_max=BODY_BYTES_MAX,
    )


class Parts:
    """What the application is made of."""

    def __init__(self, settings: Settings) -> None:
        self.telemetry = telemetry = start(TelemetryOptions.of("parkstream-summary-api", settings))
        self.tasks = BackgroundTasks(self._broken)
        self.journal = Journal(Path(settings.summary_file).absolute())
        self.file_log = FileLog(self.journal)
        self.index = Index(_redis(settings), SummaryApiKeys(settings.mall), settings.index_days)
        days = OldDays(self.journal, self.index)
        self.indexing = Indexing(self.journal, self.index, days, self._say, self._complain)
        self.writes = Writes(telemetry)
        self.statistics = Statistics(telemetry, self.index, self.journal)
        self.commits = Commits(
            self.journal,
            self.file_log,
            self.index,
            days,
            self.indexing,
            observe=self._settled,
            complain=self._complain,
            report=self.report,
        )
        self.reading = Reading(self.journal, days, self.indexing)
        self.health = Health(self.journal, self.index, self.indexing, self.tasks)

    def dependencies(self) -> dict[str, Provide]:
        """Return what the routes ask for by name."""
        return {
            "commits": Provide(lambda: self.commits, sync_to_thread=False),
            "reading": Provide(lambda: self.reading, sync_to_thread=False),
            "statistics": Provide(lambda: self.statistics, sync_to_thread=False),
        }

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Hold the file, write what arrives, and keep the index true; at the end finish what was accepted."""
        self.journal.open()
        self.file_log.open()
        if self.journal.torn_bytes:
            self.telemetry.log(names.EVENT_FILE_REPAIRED, bytes=self.journal.torn_bytes)
        self.telemetry.log(names.EVENT_STARTED)
        self.tasks.start("functions", self.index.watch())
        self.tasks.start("index", self.indexing.run())
        commits = self.tasks.start("write", self.commits.run(), may_end=True)
        try:
            yield
        finally:
            self.commits.close()
            await commits
            await self.tasks.stop()
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

    def _broken(self, _: str, error: BaseException) -> None:
        """Leave at once when the writer or the indexer failed: whoever starts next recovers by reading."""
        self.telemetry.log(names.EVENT_WRITE_FAILED, detail=described(error), error=error)
        sys.stderr.write(f"error: {described(error)}\n")
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(INPUT_OUTPUT_ERROR)


def _redis(settings: Settings) -> Client:
    name = "parkstream-summary-api"
    return connect(settings.redis_url, Database.SUMMARY_API, name=name, timeout_seconds=TIMEOUT_SECONDS)
