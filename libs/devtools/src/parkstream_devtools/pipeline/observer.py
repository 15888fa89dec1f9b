"""Looks at a running system again and again, and shows what it sees."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Final

from aio_pika.exceptions import CONNECTION_EXCEPTIONS
from parkstream_messaging.nodes import connected
from parkstream_service.client import ServiceClient
from parkstream_service.unreachable import UnreachableError

from parkstream_devtools.pipeline.settings import Say
from parkstream_devtools.pipeline.snapshots import Snapshot, Watch
from parkstream_devtools.pipeline.system import System

LOOK_EVERY_SECONDS: Final = 1.0
LOOKS_MAX: Final = 3

Show = Callable[[Snapshot, Snapshot, str], None]
"""Is called with a snapshot some seconds ago, the one of now, and the phase of the run."""


class Observer:
    """Shows what *watch* sees of *system*."""

    def __init__(self, system: System, watch: Watch, show: Show) -> None:
        self._system = system
        self._watch = watch
        self._show = show
        self._recent: list[Snapshot] = []

    async def until(self, done: Callable[[Snapshot], bool], phase: Callable[[], str]) -> Snapshot:
        """Return the first snapshot that is *done*; raise ``UnreachableError``, ``DiedError``."""
        while True:
            now = await self._look()
            self._recent = [*self._recent[-4:], now]
            self._show(self._recent[0], now, phase())
            if done(now):
                return now
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def stop_cameras(self) -> None:
        """Have no more cars come."""
        await self._watch.stop_cameras()

    async def _look(self) -> Snapshot:
        for _ in range(LOOKS_MAX - 1):
            self._system.services.check()
            with suppress(UnreachableError):  # A busy machine is no dead service: ask again.
                return await self._watch.look()
        return await self._watch.look()


@asynccontextmanager
async def observing(system: System, show: Show) -> AsyncGenerator[Observer, None]:
    """Connect to *system*."""
    async with AsyncExitStack() as stack:
        rabbitmq = await stack.enter_async_context(await connected(system.servers.rabbitmq_url))
        client = await stack.enter_async_context(ServiceClient(system.credentials.operator))
        yield Observer(system, Watch(system.services.addresses, client, await rabbitmq.channel()), show)


async def observe(system: System, show: Show) -> None:
    """Show what happens until the caller is cancelled; raise ``DiedError`` when a server or service ends by itself."""
    while True:
        system.services.check()
        with suppress(UnreachableError, TimeoutError, *CONNECTION_EXCEPTIONS):  # A machine that slept lost its own.
            async with observing(system, show) as observer:
                await observer.until(lambda _: False, lambda: "running")
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def guard(system: System) -> None:
    """Do nothing until the caller is cancelled; raise ``DiedError`` as ``observe`` does."""
    while True:
        system.services.check()
        await asyncio.sleep(LOOK_EVERY_SECONDS)


def until_interrupted(watched: Coroutine[None, None, None], say: Say) -> None:
    """Return at Ctrl-C; raise what *watched* does."""
    try:
        asyncio.run(watched)
    except KeyboardInterrupt:
        say("stopping (Ctrl-C again: at once)")
