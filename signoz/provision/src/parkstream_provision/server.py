"""Answers whether there is drift, shows the runbook that alerts link to, and logs the alerts that it is sent."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final

import msgspec
from litestar import MediaType, get, post
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler
from msgspec import Meta, Struct
from parkstream_service.access import Access, checked_hosts
from parkstream_service.explanation import described
from parkstream_service.http import HttpFace, Kind, problem, serve
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_service.refusal_reports import RefusalReports
from parkstream_service.refusals import Refusal

from parkstream_provision.runbook import page
from parkstream_provision.settings import Settings
from parkstream_provision.watch import Watch, log

BODY_BYTES_MAX: Final = 1 << 20
ALERTS_MAX: Final = 1_000
"""Of one webhook: each is a line of the log."""
NO_RUNBOOK: Final = {404: problem("There is none.")}
NO_ALERTS: Final = {400: problem("The body is no JSON, or not what SigNoz sends.")}
MALFORMED: Final = Kind("malformed-json", "Malformed JSON", HTTPStatus.BAD_REQUEST, field="$")
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for a body that is no JSON, no UTF-8, or nested too deep."""
METRIC: Final = "parking_http_refused_total"


class Alert(Struct, rename="camel"):
    """What the log keeps of an alert."""

    status: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    starts_at: str | None = None


class Alerts(Struct):
    """As much as is read of a webhook of Alertmanager."""

    alerts: Annotated[list[Alert], Meta(max_length=ALERTS_MAX)]


class Refused:
    """Counts requests that are refused, and logs them at a bounded rate."""

    def __init__(self) -> None:
        self._counts: Counter[Refusal] = Counter()
        self._reports = RefusalReports(lambda why, count: log("http.refused", reason=why, count=count))

    def __call__(self, why: Refusal) -> None:
        """Count one."""
        self._counts[why] += 1
        self._reports(why)

    def metrics(self) -> bytes:
        """Return the counts in Prometheus' text format."""
        lines = [f'{METRIC}{{parking_reason="{why}"}} {self._counts[why]}\n' for why in Refusal]
        return f"# TYPE {METRIC} counter\n{''.join(lines)}".encode()


def stay(watch: Watch, settings: Settings) -> int:
    """Serve until a signal comes, while *watch* looks for drift; return the exit code."""
    tasks = BackgroundTasks(lambda name, error: log("provision.failed", task=name, error=described(error)))
    return serve(face_of(watch, settings, tasks), settings, tasks)


def routes_of(settings: Settings) -> list[HTTPRouteHandler]:
    """Return what is answered beside health."""

    @get("/runbook", media_type=MediaType.HTML, sync_to_thread=True, summary="The runbook", responses=NO_RUNBOOK)
    def show_runbook() -> str:
        """Show the page that alerts link to."""
        runbook = Path(settings.signoz_runbook)
        if not runbook.is_file():
            raise NotFoundException(detail=f"{runbook} is no file; see PARKSTREAM_SIGNOZ_RUNBOOK")
        return page(runbook)

    @post("/alerts", status_code=200, summary="Log alerts", responses=NO_ALERTS)
    async def take_alerts(data: Alerts) -> dict[str, int]:
        """Write each alert of a webhook as a line of the log."""
        for alert in data.alerts:
            log("alert", **msgspec.to_builtins(alert))
        return {"alerts": len(data.alerts)}

    return [show_runbook, take_alerts]


def face_of(watch: Watch, settings: Settings, tasks: BackgroundTasks) -> HttpFace:
    """Return what answers for *watch*."""
    refused = Refused()

    async def live() -> Mapping[str, str]:
        return {f"task {name}": error for name, error in tasks.failed.items()}

    async def ready() -> Mapping[str, str]:
        return {"signoz": watch.problem}

    @asynccontextmanager
    async def life() -> AsyncGenerator[None]:
        tasks.start("watch", asyncio.to_thread(watch.run), may_end=True)
        log("provision.staying", port=settings.port)
        yield
        watch.leave.set()
        await tasks.stop()

    return HttpFace(
        title="Parkstream provision",
        description="Whether SigNoz is as the files say, the runbook, and a receiver of alerts.",
        access=Access(checked_hosts(settings.allowed_hosts)),
        public=True,
        routes=routes_of(settings),
        live=live,
        ready=ready,
        metrics=refused.metrics,
        lifespan=life,
        report=lambda error: log("provision.request_failed", error=described(error)),
        warn=lambda detail: log("provision.warned", detail=detail),
        refused=refused,
        kinds=dict.fromkeys(UNREADABLE, MALFORMED),
        body_bytes_max=BODY_BYTES_MAX,
    )
