"""What runs: the services and their health, how far behind everything is, and the versions of the projection."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from msgspec import Struct
from parkstream_eventlog import LogState
from parkstream_events.units import SECOND_US
from parkstream_operations.acts import Recorded, last_acts
from parkstream_operations.cells.cell_health import CellsSeen
from parkstream_operations.findings import Finding, wrong
from parkstream_operations.log_findings import long_enough, summaries_written
from parkstream_operations.service_findings import no_camera, of_problem, unreachable
from parkstream_projection import Versions
from parkstream_projection.opened import Opened
from parkstream_service.access import Role
from parkstream_service.client import ServiceClient
from parkstream_service.http import needs
from parkstream_service.unreachable import UnreachableError

from parkstream_console.acts.desk import Desk
from parkstream_console.live.rebuilds import Progress, Rebuilds
from parkstream_console.live.shared_answer import LateError, SharedAnswer
from parkstream_console.pages.site import Asked, Site
from parkstream_console.pages.todo import Lines

SUMMARIES: Final = "summary-api"
SEE_TODO: Final = "see To do"
VARIABLES: Final = {SUMMARIES: "PARKSTREAM_SUMMARY_URL", "backend": "PARKSTREAM_BACKEND_URL"}


class ServiceHealth(Struct, frozen=True):
    """What a service says that it misses, and what to do about it; or that it says nothing."""

    name: str
    status: str
    findings: list[Finding]


class Running(Struct, frozen=True, kw_only=True):
    """All that runs."""

    services: list[ServiceHealth]
    position: int
    behind: int
    """Records that are not projected yet."""
    behind_seconds: float
    """Since when the oldest of them waits."""
    outbox_depth: int
    outbox_seconds: float
    versions: list[Progress]
    findings: list[Finding]
    acts: list[Recorded]
    cells: CellsSeen | None
    """All malls, where a file lists them."""


class RunningLook:
    """Looks at all of it; *services*: where each listens; *examine*: what finds out how the servers and the log are.

    *cells* is asked how all malls are, where several are known.
    """

    def __init__(
        self,
        it: Opened,
        client: ServiceClient,
        services: dict[str, str],
        examine: Callable[[LogState], Awaitable[list[Finding]]],
        cells: Callable[[], Awaitable[CellsSeen]] | None = None,
    ) -> None:
        self._cells = cells
        self._it = it
        self._client = client
        self._services = services
        self._examine = examine
        self._rebuilds = Rebuilds()

    async def __call__(self) -> Running:
        """Return what there is now; raises what Redis raises."""
        asked = [self._health(name, url) for name, url in self._services.items()]
        services, cells = await asyncio.gather(asyncio.gather(*asked), self._look_at_cells())
        versions = await Versions(self._it.redis, self._it.keys).all()
        state = await self._it.log.state()  # After the versions: none is ahead of it.
        checkpoint = next(one.checkpoint for one in versions if one.live)
        return Running(
            services=services,
            position=state.position,
            behind=max(0, state.position - checkpoint),
            behind_seconds=await self._waits_seconds(checkpoint, state.now_us),
            outbox_depth=await self._it.outbox.depth(),
            outbox_seconds=await self._it.outbox.age_seconds(),
            findings=await self._findings(state),
            versions=self._rebuilds.look(versions, state.position, time.monotonic()),
            acts=await last_acts(self._it),
            cells=cells,
        )

    async def _look_at_cells(self) -> CellsSeen | None:
        try:
            return await self._cells() if self._cells else None
        except LateError as error:
            return CellsSeen(problem=str(error))

    async def _findings(self, state: LogState) -> list[Finding]:
        """Return what a look at the servers, the log, its outbox and the summary file finds."""
        found = await self._examine(state)
        account = await self._it.outbox.account()
        if account.parked:
            found.append(wrong("parked summaries", f"{account.parked:,} were refused", SEE_TODO))
        if unreadable := (await self._it.reads.state()).unreadable:
            found.append(wrong("unreadable records", f"{unreadable:,} records cannot be read", SEE_TODO))
        try:  # After the account: what it calls delivered is on disk by now.
            stats = await self._client.get(f"{self._services[SUMMARIES].rstrip('/')}/v1/stats", Lines)
        except UnreachableError:
            return found  # The table of services says so.
        return [
            *found,
            long_enough(await self._it.log.state(), "the summary API", stats.position),
            summaries_written(stats.lines, account.kept),
        ]

    async def _health(self, name: str, url: str) -> ServiceHealth:
        try:
            problems = await self._client.problems(url.rstrip("/"))
        except UnreachableError as error:
            variable = VARIABLES.get(name)
            found = unreachable(name, f"the console's {variable}", error) if variable else no_camera(name, error)
            return ServiceHealth(name, "unreachable", [found])
        found_all = [of_problem(name, what, detail) for what, detail in problems.items()]
        return ServiceHealth(name, "complains" if problems else "ready", found_all)

    async def _waits_seconds(self, checkpoint: int, now_us: int) -> float:
        records = await self._it.log.read(checkpoint, 1)
        return max(0.0, (now_us - records[0].recorded_at_us) / SECOND_US) if records else 0.0


def running_routes(site: Site, look: SharedAnswer[Running], desk: Desk) -> list[HTTPRouteHandler]:
    """Return the page."""

    @get("/running", opt=needs(Role.VISITS_READ), include_in_schema=False)
    async def show_running(request: Asked) -> Response[str]:
        """Show what runs."""
        return site.page(request, "running.html", running=await look(), desk=desk)

    return [show_running]
