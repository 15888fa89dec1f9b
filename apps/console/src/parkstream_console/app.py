"""The composition root: every part is made here, and lives between the start and the end of the application."""

import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from litestar import Litestar, Router
from parkstream_eventlog import EventLogError
from parkstream_eventlog.archive import Archive, ArchiveIndex
from parkstream_events.keys import Database
from parkstream_messaging.nodes import user_of
from parkstream_operations.acts import acts_about
from parkstream_operations.written_log import opened_on, opened_to_write
from parkstream_projection.opened import Opened
from parkstream_projection.questions.find import Finder
from parkstream_projection.questions.record_names import names_of
from parkstream_projection.rebuild import Source
from parkstream_service.client import ServiceClient
from parkstream_service.http import HttpFace, Notice, bearer_guards, http_app
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_service.redis import connect
from parkstream_service.retry import retried
from parkstream_telemetry import AccessReports, RefusedRequests, TelemetryOptions, names, start

from parkstream_console.access.attempts import Attempts
from parkstream_console.access.session import Access
from parkstream_console.acts.desk import Desk as ActDesk
from parkstream_console.acts.kinds import Kinds
from parkstream_console.live.looks import Looks
from parkstream_console.live.snapshots import Snapshots
from parkstream_console.pages.acts import ActPage, act_routes
from parkstream_console.pages.another_time import Guide, time_routes
from parkstream_console.pages.application import assets_route, is_page, with_pages
from parkstream_console.pages.find import FindPage, find_routes
from parkstream_console.pages.health import running_routes
from parkstream_console.pages.login import login_routes
from parkstream_console.pages.now import NowPage, now_routes
from parkstream_console.pages.plates import HiddenIds
from parkstream_console.pages.site import Site
from parkstream_console.pages.story import StoryPages, story_routes
from parkstream_console.pages.todo import todo_routes
from parkstream_console.read_api.guard import reader_guard
from parkstream_console.read_api.questions import KINDS, Questions
from parkstream_console.read_api.routes import read_router
from parkstream_console.search.car_traces import CarTraces
from parkstream_console.search.signoz_traces import SignozTraces
from parkstream_console.search.stories import Stories
from parkstream_console.settings import Settings
from parkstream_console.shared_looks import SharedLooks
from parkstream_console.travel.desk import Desk
from parkstream_console.travel.folder import SnapshotFolder, remove_abandoned
from parkstream_console.travel.question import next_to_keep
from parkstream_console.travel.worker_process import Answers


def create_app(settings: Settings) -> Litestar:
    """Return the application that *settings* describe."""
    return http_app(face_of(Parts(settings), settings))


def face_of(parts: "Parts", settings: Settings) -> HttpFace:
    """Return what answers for *parts*."""
    access = parts.callers
    return HttpFace(
        title="Parkstream console",
        description="Shows what happens in a mall, and answers where everything stands.",
        access=access,
        routes=[
            read_router(Questions(parts.it), reader_guard(parts.site, bearer_guards(access.callers))),
            *parts.pages(),
            assets_route(),
        ],
        live=parts.live,
        ready=parts.ready,
        metrics=parts.telemetry.prometheus,
        lifespan=parts.running,
        report=lambda error: parts.telemetry.log(names.EVENT_REQUEST_FAILED, error=error),
        warn=AccessReports(parts.telemetry, access),
        refused=RefusedRequests(parts.telemetry),
        kinds=KINDS,
        is_page=is_page,
        on_app_init=[lambda config: with_pages(config, settings.session_key, parts.site)],
    )


class Parts:
    """What the application is made of."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.telemetry = start(TelemetryOptions.of("parkstream-console", settings))
        self.tasks = BackgroundTasks(
            lambda name, error: self.telemetry.log(names.EVENT_TASK_FAILED, task=name, error=error)
        )
        self.redis = connect(settings.redis_url, Database.BACKEND, name="parkstream-console")
        self.it = opened_on(self.redis, settings.mall, settings.archive_dir)
        self.client = ServiceClient(settings.api_token)
        self.signoz = _signoz(settings)
        self.looks = Looks(self.it, self.client, settings.summary_url, self.look_failed)
        self.snapshots = Snapshots(self.looks)
        self.folder = SnapshotFolder(settings.snapshot_dir)
        source = Source(settings.redis_url, settings.mall, settings.archive_dir)
        self.desk = Desk(Answers(source, self.folder), next_to_keep(self.folder), self.question_refused)
        self.people = settings.people()
        if self.people is not None:
            self.people.file.report = lambda detail: self.telemetry.log(names.EVENT_ACCESS, detail=detail)
        self.callers = settings.access()
        self.access = Access(self.people, self.callers.callers)
        hidden = HiddenIds(settings.session_key or secrets.token_hex(16))
        self.site = Site(
            self.access,
            mall=settings.mall,
            zone=settings.zone,
            masks_plates=settings.mask_plates,
            hidden=hidden,
            secure_cookies=settings.secure_cookies,
        )
        self.stories = Stories(self.it, self.question_refused)
        self.shared = SharedLooks(self.it, self.client, settings)
        self.acts = ActDesk(self.opened_to_write, self.failed, self.shared.forget)

    def pages(self) -> list[Any]:
        """Return every page."""
        now = NowPage(self.site, self.snapshots, self.settings.capacity)
        self.telemetry.watch(names.VIEWERS, lambda: [(now.viewers, {})])
        routes = [
            *now_routes(self.site, now, self.access),
            *self._stories(),
            *time_routes(Guide(self.site, self.it, self.desk, self.settings.zone)),
            *todo_routes(self.site, self.shared.todo, self.acts),
            *running_routes(self.site, self.shared.running, self.acts),
            *act_routes(ActPage(self.site, self._kinds(), self.acts)),
        ]
        guarded = Router("/", route_handlers=routes, guards=[self.access.guard])
        return [guarded, *login_routes(self.site, Attempts(), RefusedRequests(self.telemetry))]

    def _stories(self) -> list[Any]:
        """Return the pages that find a car, and show its story."""
        settings, site, access = self.settings, self.site, self.access
        archive = Archive(Path(settings.archive_dir), settings.mall) if settings.archive_dir else None
        finder = Finder(self.it, ArchiveIndex(archive, names_of) if archive else None)
        traces = CarTraces(Path(settings.traces_file) if settings.traces_file else None, self.signoz)
        pages = StoryPages(
            site,
            access,
            finder,
            self.stories,
            acts=lambda names: acts_about(self.it, names),
            traces=traces,
            signoz_url=settings.signoz_url,
        )
        return [*find_routes(FindPage(site, access, finder, self.stories)), *story_routes(pages)]

    async def opened_to_write(self) -> Opened:
        """Return what there is for who writes, to the log that the mark names."""
        settings = self.settings
        return await opened_to_write(self.redis, settings.mall, settings.archive_dir, settings.rabbitmq_url)

    def look_failed(self, who: str) -> None:
        """Count that *who* did not answer."""
        self.telemetry.add(names.LOOKS_FAILED, reason=who)

    def question_refused(self) -> None:
        """Count that too many waited."""
        self.telemetry.add(names.QUESTIONS_REFUSED)

    def failed(self, error: BaseException) -> None:
        """Report what nobody foresaw."""
        self.telemetry.log(names.EVENT_REQUEST_FAILED, error=error)

    def _kinds(self) -> Kinds:
        settings = self.settings
        return Kinds(
            it=self.it,
            opened_to_write=self.opened_to_write,
            client=self.client,
            source=Source(settings.redis_url, settings.mall, settings.archive_dir),
            rabbitmq_url=settings.rabbitmq_url,
            summary_url=settings.summary_url.rstrip("/"),
            trusted={settings.rabbitmq_backend_user, user_of(settings.rabbitmq_url)},
        )

    async def live(self) -> dict[str, str]:
        """Return what only a restart mends."""
        return dict(self.tasks.failed)

    async def ready(self) -> dict[str, str]:
        """Return what keeps the pages from being of use."""
        figures = self.snapshots.last
        problem = self.people.problem if self.people else ""
        return {
            "redis": figures.problem if figures else "nobody has looked yet",
            "people": Notice(problem) if problem else "",
        }

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None, None]:
        """Look once a second for as long as the application is served."""
        remove_abandoned()
        async with self.client, self.signoz.client if self.signoz else nullcontext():
            self.tasks.start("look", self.snapshots.run())
            self.tasks.start("desk", self.desk.run())
            self.tasks.start("recall", self._recall(), may_end=True)
            self.telemetry.log(names.EVENT_STARTED)
            try:
                yield
            finally:
                await self.acts.stop()
                await self.tasks.stop()
                await self.shared.stop()
                await self.stories.close()
                self.folder.close()
                await self.redis.aclose()
                self.telemetry.log(names.EVENT_STOPPED)
                self.telemetry.shutdown()

    async def _recall(self) -> None:
        """Take in what happened before the first look, when there is time."""
        await self.snapshots.now()
        with suppress(EventLogError):  # Archived, and the archive is not here.
            await retried(self.looks.recall)


def _signoz(settings: Settings) -> SignozTraces | None:
    url = settings.signoz_api_url or settings.signoz_url
    return SignozTraces(url, settings.signoz_api_key) if url and settings.signoz_api_key else None
