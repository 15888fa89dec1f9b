"""A generator as a FastStream application: the order in which it begins and ends, and what it answers."""

import asyncio
import gc
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec
import uvicorn
from faststream.asgi import AsgiFastStream
from parkstream_service.lifecycle import BackgroundTasks
from parkstream_telemetry import names

from parkstream_generators.context import Station
from parkstream_generators.http import routes

DRAIN_SECONDS: Final = 5.0
PING_SECONDS: Final = 1.0
HTTP_GRACEFUL_SECONDS: Final = 2
FAILED: Final = 1
GC_THRESHOLDS: Final = (50_000, 20, 20)

Drive = Callable[[], Coroutine[Any, Any, None]]
Counts = Callable[[], Awaitable[dict[str, int]]]


async def _no_counts() -> dict[str, int]:
    return {}


class Generator(AsgiFastStream):
    """Publishes what *drive* makes until the station is stopped; *counts* joins the account."""

    def __init__(self, station: Station, drive: Drive, counts: Counts = _no_counts) -> None:
        self.exit_code = 0
        self.server: uvicorn.Server | None = None
        self._station = station
        self._drive = drive
        self._counts = counts
        self._tasks = BackgroundTasks(self._report, give_up=self._give_up)
        self._started = asyncio.Event()
        self._driving = False
        super().__init__(
            station.broker,
            logger=None,
            lifespan=self._life,
            after_startup=[self._started.set],
            on_shutdown=[self._drain],
            asgi_routes=routes(
                station.telemetry,
                station.settings.api_token,
                ready=self._ready,
                account=self._account,
                stop=self._stop,
            ),
        )

    @asynccontextmanager
    async def _life(self) -> AsyncGenerator[None]:
        """Work between start and stop; end the process when either fails."""
        self._tasks.start("generate", self._work(), may_end=True)
        try:
            yield
        except BaseException as error:
            self._tasks.fail("start", error)
            raise
        finally:
            await self._tasks.stop()
            await self._station.store.close()
            self._station.telemetry.log(names.EVENT_STOPPED)
            self._station.telemetry.shutdown()

    async def _work(self) -> None:
        station = self._station
        await self._started.wait()
        self._tasks.start("publish", station.publisher.run())
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        station.telemetry.log(names.EVENT_STARTED)
        self._driving = True
        await self._drive_for(station.settings.duration_seconds)
        self._driving = False
        station.telemetry.log(names.EVENT_DRIVING_ENDED)

    async def _drive_for(self, seconds: float) -> None:
        ending = asyncio.get_running_loop().call_later(seconds, self._station.stop) if seconds else None
        await self._drive()
        if ending is not None:
            ending.cancel()

    async def _drain(self) -> None:
        """Make nothing more, and give what was made some time to be confirmed; what is not is published next time.

        Nothing is in flight when the broker closes.
        """
        self._station.stop()
        if self._started.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await self._station.publisher.emptied()
        await self._tasks.stop()

    def _report(self, task: str, error: BaseException) -> None:
        self._station.telemetry.log(names.EVENT_GENERATOR_FAILED, duty=task, error=error)

    def _give_up(self) -> None:
        self.exit_code = FAILED
        if self.server is not None:
            self.server.should_exit = True

    async def _ready(self) -> dict[str, bool]:
        return {
            "started": self._started.is_set(),
            "rabbitmq": await self._station.broker.ping(PING_SECONDS),
            "redis": not await self._station.store.problem(),
        }

    async def _account(self) -> dict[str, Any]:
        """Return the counts; what is buffered is looked at first, so that none buffered means all counted."""
        now = {"running": self._driving, "buffered": self._station.publisher.buffered}
        account: dict[str, Any] = msgspec.to_builtins(await self._station.journal.account())
        return account | now | await self._counts()

    async def _stop(self) -> dict[str, Any]:
        self._station.stop()
        return {"running": False}


def serve(app: Generator, host: str, port: int) -> int:
    """Run *app* until it is told to stop or fails; return the exit code."""
    app.server = uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            log_config=None,
            access_log=False,
            lifespan="on",
            timeout_graceful_shutdown=HTTP_GRACEFUL_SECONDS,
        )
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _ignore)  # uvicorn raises the signal again when it has stopped in good order.
    app.server.run()
    return app.exit_code or (0 if app.server.started else FAILED)


def _ignore(*_: object) -> None:
    """Take a signal without ending."""
