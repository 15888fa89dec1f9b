"""The composition root: in which order a backend starts and stops, according to its roles."""

import asyncio
import gc
import secrets
import signal
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import uvicorn
from parkstream_projection import Projector
from parkstream_projection.visits import VISITS
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_service.retry import retried
from parkstream_telemetry import TelemetryOptions, names, start

from parkstream_backend.deliver.deliverer import Deliverer
from parkstream_backend.deliver.summary_client import SummaryApi
from parkstream_backend.health import Health
from parkstream_backend.http import Router
from parkstream_backend.process import FAILED, Backend
from parkstream_backend.project.follower import Foldings, Projecting
from parkstream_backend.project.watermark_generator import Timekeeper
from parkstream_backend.record.high_water_mark import check_reach
from parkstream_backend.routes import ReadApi, routes_of
from parkstream_backend.settings import Role, Settings
from parkstream_backend.wiring import Parts

Work = Callable[[], Awaitable[None]]

HTTP_GRACEFUL_SECONDS: Final = 2
GC_THRESHOLDS: Final = (50_000, 20, 20)
"""Most objects live as long as one event; looking for cycles among them 70 times as often costs 6 % of the time."""


def serve(settings: Settings) -> int:
    """Run a backend until it is told to stop or fails, and return its exit code."""
    app = create_app(settings)
    app.server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=HTTP_GRACEFUL_SECONDS,
        )
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _no_more)  # uvicorn raises the signal again when it has stopped in good order.
    app.server.run()
    return app.exit_code or (0 if app.server.started else FAILED)


def create_app(settings: Settings) -> Backend:
    """Return the application that *settings* describe; it connects when it is served."""
    telemetry = start(
        TelemetryOptions(
            service="parkstream-backend",
            plate_hash_key=settings.plate_hash_key or "",
            log_format=settings.log_format,
            statistics_seconds=settings.statistics_seconds,
        )
    )
    parts = Parts(settings, telemetry)
    tasks = BackgroundTasks(lambda name, error: telemetry.log(names.EVENT_DUTY_FAILED, duty=name, error=error))
    health = Health(tasks, parts.monitor, {"rabbitmq": parts.rabbitmq_problem})
    http = Router(routes_of(ReadApi(parts.log, parts.reads, parts.outbox), health, telemetry), settings.api_token)
    parts.subscribe(lambda error: tasks.fail("record", error))
    app = Backend(parts.broker, http, telemetry, tasks, lambda: life_of(parts, tasks))
    tasks.give_up = app.give_up
    app.on_shutdown(parts.gate.abandon)
    return app


@asynccontextmanager
async def life_of(parts: Parts, tasks: BackgroundTasks) -> AsyncGenerator[None, None]:
    """Run the background tasks of this process between its start and its stop.

    The broker stops inside, so the group commit is there until the last delivery is settled. Projecting and delivering
    may stop anywhere.
    """
    prepared = asyncio.Event()
    async with aiohttp.ClientSession() as session:
        server = SummaryApi(session, parts.settings.summary_url, parts.settings.api_token)
        tasks.start("monitor", _watch(parts, server, prepared))
        for name, work in _works_of(parts, server).items():
            tasks.start(name, _after(prepared, work))
        yield
        await tasks.stop()
    await parts.depths.close()
    await parts.commit.end()
    await parts.redis.aclose()
    parts.telemetry.log(names.EVENT_STOPPED)
    parts.telemetry.shutdown()


async def _watch(parts: Parts, server: SummaryApi, prepared: asyncio.Event) -> None:
    """Wait until Redis is there, durable and whole; then let everything begin, and watch how full it gets."""
    on_retry = parts.waiting_for("redis")
    await retried(parts.check, on_retry=on_retry)
    await retried(lambda: check_reach(parts.log, server.summarised_through), on_retry=on_retry)
    prepared.set()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    await parts.monitor.run()


async def _after(prepared: asyncio.Event, work: Work) -> None:
    await prepared.wait()
    await work()


def _works_of(parts: Parts, server: SummaryApi) -> dict[str, Work]:
    works: dict[str, Work] = {}
    if parts.does(Role.PROJECT):
        on_retry = parts.waiting_for("redis")
        foldings = Foldings(parts.telemetry)
        traced = foldings.emitted if parts.telemetry.tracing else None
        projector = Projector(parts.redis, parts.keys, VISITS, traced=traced)
        works["project"] = Projecting(projector, foldings, parts.log, parts.reads, parts.telemetry, on_retry).run
        works["keep time"] = Timekeeper(
            parts.log, parts.reads, parts.settings.rules, parts.depths, parts.telemetry, on_retry
        ).run
    if parts.does(Role.DELIVER):
        consumer = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        deliverer = Deliverer(
            parts.outbox, server, parts.breaker, parts.telemetry, consumer, parts.waiting_for("redis")
        )
        works["deliver"] = deliverer.run
    return works


def _no_more(_: int, __: object) -> None:
    """Do nothing with a signal that was heeded already."""
