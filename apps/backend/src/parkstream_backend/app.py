"""The composition root: in which order a backend starts and stops, according to its roles."""

import asyncio
import gc
import os
import secrets
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from parkstream_projection import Projector
from parkstream_projection.visits import VISITS
from parkstream_service.http import HttpFace, serve
from parkstream_service.retry import retried
from parkstream_service.settings import own_token
from parkstream_telemetry import AccessReports, RefusedRequests, names

from parkstream_backend.deliver.deliverer import Deliverer
from parkstream_backend.deliver.summary_client import SummaryApi, new_session
from parkstream_backend.health import Health
from parkstream_backend.parts import Parts
from parkstream_backend.project.follower import Follower, ProjectSpans
from parkstream_backend.project.queue_drains import QueueDrains
from parkstream_backend.project.watermark_generator import WatermarkGenerator
from parkstream_backend.settings import Role, Settings

Work = Callable[[], Awaitable[None]]

GC_THRESHOLDS: Final = (50_000, 20, 20)
"""Most objects live as long as one event; looking for cycles among them 70 times as often costs 6 % of the time."""


def run(settings: Settings) -> int:
    """Run a backend until it is asked to stop or fails, and return its exit code."""
    parts = Parts(settings)
    return serve(face_of(parts), settings, parts.tasks)


def face_of(parts: Parts) -> HttpFace:
    """Return what answers for *parts*, and runs them for as long as it is served."""
    problems = {
        "log": parts.log_problem,
        "redis": parts.redis_problem,
        "rabbitmq": parts.rabbitmq_problem,
        "rabbitmq_nodes": parts.nodes_notice,
        "dead_letters": parts.dead_letters.problem,
        "state": parts.state_problem,
        "versions": parts.newer_versions.notice,
    }
    health = Health(parts.tasks, parts.monitor, problems)
    access = parts.settings.access()
    return HttpFace(
        title="Parkstream backend",
        description="Records sightings, projects visits, delivers summaries; the console answers questions.",
        access=access,
        routes=[],
        live=health.live,
        ready=health.ready,
        metrics=parts.telemetry.prometheus,
        lifespan=lambda: life_of(parts),
        report=lambda error: parts.telemetry.log(names.EVENT_REQUEST_FAILED, error=error),
        warn=AccessReports(parts.telemetry, access),
        refused=RefusedRequests(parts.telemetry),
    )


@asynccontextmanager
async def life_of(parts: Parts) -> AsyncGenerator[None, None]:
    """Run the background tasks of this process between its start and its stop.

    The broker stops first, so the group commit is there until the last delivery is settled. Follower and delivering
    may stop anywhere.
    """
    prepared = asyncio.Event()
    tasks = parts.tasks
    async with new_session() as session:
        token = own_token(parts.settings.api_token, os.environ)
        server = SummaryApi(session, parts.settings.summary_url, token, parts.guard.written_log)
        tasks.start("monitor", _watch(parts, prepared))
        for name, work in _works_of(parts, server).items():
            tasks.start(name, _after(prepared, work))
        if parts.does(Role.RECORD):
            tasks.start("dead_letters", parts.dead_letters.run())
        tasks.start("nodes", parts.nodes_watch.run())
        tasks.start("listen", _after(parts.guard.owned, parts.listener.run), may_end=True)
        yield
        await tasks.stop("listen", "report")
        await parts.leave()
        parts.back_pressure.abandon()
        await parts.dead_letters.finish()
        await parts.broker.stop()
        await tasks.stop()
    await parts.listener.close()
    await parts.dead_letters.close()
    await parts.close()
    parts.telemetry.log(names.EVENT_STOPPED)
    parts.telemetry.shutdown()


async def _watch(parts: Parts, prepared: asyncio.Event) -> None:
    """Wait until Redis is durable and holds the log that is meant; let everything begin, and watch how full it gets."""
    on_retry = parts.waiting_for("redis")

    def unprepared(error: Exception) -> None:
        parts.guard.problem = str(error)
        on_retry(error)

    await retried(parts.prepare, on_retry=unprepared)
    on_retry.passed()
    parts.tasks.start("guard", parts.guard.run())
    await parts.guard.admitted.wait()
    await retried(parts.check_writable, on_retry=on_retry)
    prepared.set()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    if parts.does(Role.RECORD):  # Until then recording is paused.
        await retried(parts.readable_types.announce, on_retry=on_retry)
    await parts.monitor.run()


async def _after(prepared: asyncio.Event, work: Work) -> None:
    await prepared.wait()
    await work()


def _works_of(parts: Parts, server: SummaryApi) -> dict[str, Work]:
    works: dict[str, Work] = {}
    if parts.does(Role.RECORD):
        works["report"] = parts.report
    if parts.does(Role.PROJECT):
        spans = ProjectSpans(parts.telemetry)
        traced = spans.emitted if parts.telemetry.tracing else None
        projector = Projector(parts.redis, parts.keys, VISITS, traced=traced, writer=parts.guard.writer)
        wait = parts.waiting_for("redis")
        newer = parts.readable_types.by_newer
        follower = Follower(projector, spans, parts.log, parts.reads, parts.telemetry, wait, newer)
        parts.follower = follower
        works["project"] = follower.run
        works["watermark"] = WatermarkGenerator(
            parts.log,
            parts.reads,
            parts.settings.rules,
            QueueDrains(parts.depths, parts.reports),
            parts.telemetry,
            parts.waiting_for("redis"),
        ).run
    if parts.does(Role.DELIVER):
        consumer = f"{socket.gethostname()}-{secrets.token_hex(4)}"
        deliverer = Deliverer(parts.outbox, server, parts.telemetry, consumer, parts.waiting_for("redis"))
        works["deliver"] = deliverer.run
    return works
