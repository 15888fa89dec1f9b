"""A generator's process: the order in which it begins and ends, and what it answers."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec
from parkstream_service.http import HttpFace, Notice, bearer_guards, serve
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_telemetry import AccessReports, RefusedRequests, names

from parkstream_generators.context import GeneratorContext
from parkstream_generators.http import GeneratorAccount, camera_router
from parkstream_generators.placeholders import PlaceholderReads

DRAIN_SECONDS: Final = 5.0
PING_SECONDS: Final = 1.0
GC_THRESHOLDS: Final = (50_000, 20, 20)

Drive = Callable[[], Coroutine[Any, Any, None]]
Counts = Callable[[], Awaitable[dict[str, int]]]


async def _no_counts() -> dict[str, int]:
    return {}


class Generator:
    """Publishes what *drive* makes until the context is stopped; *counts* joins the account."""

    def __init__(self, context: GeneratorContext, drive: Drive, counts: Counts = _no_counts) -> None:
        self.tasks = BackgroundTasks(self._report)
        self._context = context
        self._drive = drive
        self._counts = counts
        self._started = False
        self._driving = False

    def run(self) -> int:
        """Answer and run until asked to stop or failed; return the exit code."""
        return serve(self._face(), self._context.settings, self.tasks)

    def _face(self) -> HttpFace:
        context = self._context
        access = context.settings.access()
        return HttpFace(
            title=f"Parkstream {context.service.removeprefix('parkstream-')}",
            description=context.description,
            access=access,
            routes=[camera_router(self._account, context.stop, bearer_guards(access.callers))],
            live=self._live,
            ready=self._ready,
            metrics=context.telemetry.prometheus,
            lifespan=self._life,
            report=lambda error: self._report("http", error),
            warn=AccessReports(context.telemetry, access),
            refused=RefusedRequests(context.telemetry),
        )

    @asynccontextmanager
    async def _life(self) -> AsyncGenerator[None]:
        """Work between start and stop."""
        self.tasks.start("nodes", self._context.nodes_watch.run())
        self.tasks.start("generate", self._work(), may_end=True)
        yield
        await self._drain()
        await self._context.broker.stop()
        await self._context.store.close()
        self._context.telemetry.log(names.EVENT_STOPPED)
        self._context.telemetry.shutdown()

    async def _work(self) -> None:
        context = self._context
        await context.broker.start()
        self._started = True
        self.tasks.start("publish", context.publisher.run())
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        context.telemetry.log(names.EVENT_STARTED)
        self._driving = True
        await self._drive_for(context.settings.duration_seconds)
        self._driving = False
        context.telemetry.log(names.EVENT_DRIVING_ENDED)

    async def _drive_for(self, seconds: float) -> None:
        ending = asyncio.get_running_loop().call_later(seconds, self._context.stop) if seconds else None
        async with asyncio.TaskGroup() as group:
            group.create_task(PlaceholderReads(self._context).run(), name="placeholders")
            await self._drive()
        if ending is not None:
            ending.cancel()

    async def _drain(self) -> None:
        """Make nothing more, and give what was made some time to be confirmed; what is not is published next time.

        Nothing is in flight when the broker closes.
        """
        self._context.stop()
        if self._started:
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._context.publisher.emptied()
        await self.tasks.stop()

    def _report(self, task: str, error: BaseException) -> None:
        self._context.telemetry.log(names.EVENT_GENERATOR_FAILED, task=task, error=error)

    async def _live(self) -> Mapping[str, str]:
        return {f"task {name}": problem for name, problem in self.tasks.failed.items()}

    async def _ready(self) -> Mapping[str, str]:
        connected = await self._context.broker.ping(PING_SECONDS)
        return {
            **await self._live(),
            "start": "" if self._started else "not started yet",
            "rabbitmq": self._context.queues_problem if connected else "not connected",
            "rabbitmq_nodes": Notice(self._context.nodes_watch.notice),
            "redis": await self._context.store.problem(),
        }

    async def _account(self) -> GeneratorAccount:
        """Return the counts; what is buffered is looked at first, so that none buffered means all counted."""
        now = {"running": self._driving, "buffered": self._context.publisher.buffered}
        account: dict[str, Any] = msgspec.to_builtins(await self._context.intent_store.account())
        return msgspec.convert(account | now | await self._counts(), GeneratorAccount)
