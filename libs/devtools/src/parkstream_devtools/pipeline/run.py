"""A run of the whole pipeline: start it, drive it, stop the cameras, wait until nothing is pending, count."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_telemetry.kept_traces.examples import Examples, examples_in
from parkstream_telemetry.kept_traces.waterfall import waterfall

from parkstream_devtools.pipeline import account
from parkstream_devtools.pipeline.account import Account, Line, Milliseconds
from parkstream_devtools.pipeline.callers import make_credentials
from parkstream_devtools.pipeline.kept_files import SPANS_FILE, keep_spans, kept, own_place, usual_place
from parkstream_devtools.pipeline.services import Services, start_servers
from parkstream_devtools.pipeline.settings import Options, Say, of_all
from parkstream_devtools.pipeline.snapshots import Snapshot, Watch, published_by
from parkstream_devtools.pipeline.summary_file import first_lines, tally
from parkstream_devtools.pipeline.trace_receiver import Tracing, tracing
from parkstream_devtools.probes import ServiceClient, UnreachableError, connected
from parkstream_devtools.sandbox import Sandbox
from parkstream_devtools.servers.install import ensure_servers

LOOK_EVERY_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 60.0
FIRST_LINES: Final = 2
LOOKS_MAX: Final = 3

Show = Callable[[Snapshot, Snapshot, str], None]
"""Is called with a snapshot some seconds ago, the one of now, and the phase of the run."""


class NotEmptyError(Exception):
    """The folder that shall be kept has something in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty: an account needs a fresh start, so name another folder")


class Result(Struct, frozen=True):
    """What a demo ends with."""

    account: Account
    equations: list[Line]
    first_lines: list[str]
    cars: Examples | None = None

    @property
    def balanced(self) -> bool:
        """Whether every equation holds."""
        return all(line.holds for line in self.equations)


def run(options: Options, say: Say, show: Show) -> Result:
    """Run the whole pipeline as *options* say; *say* and *show* are called with its progress.

    Raises ``NotEmptyError``, ``DiedError`` when a service ended by itself, ``StartError`` and ``UnreachableError``.
    """
    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        raise NotEmptyError(options.keep)
    ensure_servers(say)
    with ExitStack() as last, Sandbox(options.keep, keep=options.keep is not None) as sandbox:
        summary_file = sandbox.folder / "summaries.jsonl"
        servers = start_servers(sandbox, say)
        # Entered last but left last: services that end still send spans.
        traced = last.enter_context(tracing(os.environ, sandbox.folder / SPANS_FILE, say))
        say("starting summary-api, backend, exit-generator, entry-generator")
        credentials = make_credentials(sandbox.folder, os.environ)
        environ = of_all(servers, os.environ) | traced.environ
        services = Services(sandbox, environ, options, summary_file, credentials)
        driven, final = asyncio.run(_drive(services, servers.rabbitmq_url, credentials.operator, options, show))
        services.check()
        place = own_place()
        if place != usual_place():
            say(f"{usual_place()} is not yours alone (mode 0700, no link): what stays of this demo is in {place}")
        cars = _examples(services, traced, place, moved=options.keep is None)
        return _result(driven, final, kept(summary_file, place if options.keep is None else None), cars)


def _examples(services: Services, traced: Tracing, place: Path, *, moved: bool) -> Examples | None:
    """Stop the *services*, for then their spans are complete, and choose what to show."""
    if traced.file is None:
        return None
    services.stop()
    found = examples_in(traced.file)
    keep_spans(traced.file, place, moved=moved)
    return found


async def _drive(
    services: Services, rabbitmq_url: str, token: str, options: Options, show: Show
) -> tuple[Snapshot, Snapshot]:
    """Return how things stand when the cameras stop, and when nothing is pending any more."""
    async with AsyncExitStack() as stack:
        rabbitmq = await stack.enter_async_context(await connected(rabbitmq_url))
        client = await stack.enter_async_context(ServiceClient(token))
        watch = Watch(services.addresses, client, await rabbitmq.channel())
        loop = _Loop(services, watch, show)
        end = time.monotonic() + options.seconds
        driven = await loop.until(
            lambda _: time.monotonic() >= end, lambda: f"driving, {max(end - time.monotonic(), 0):.0f} s to go"
        )
        await watch.stop_cameras()
        deadline = time.monotonic() + SETTLE_SECONDS + options.late_seconds
        return driven, await loop.until(
            lambda now: now.settled or time.monotonic() >= deadline,
            lambda: "settling until nothing is pending",
        )


class _Loop:
    """Looks again and again, and shows what it sees."""

    def __init__(self, services: Services, watch: Watch, show: Show) -> None:
        self._services = services
        self._watch = watch
        self._show = show
        self._recent: list[Snapshot] = []

    async def until(self, done: Callable[[Snapshot], bool], phase: Callable[[], str]) -> Snapshot:
        """Return the first snapshot that is *done*."""
        while True:
            now = await self._look()
            self._recent = [*self._recent[-4:], now]
            self._show(self._recent[0], now, phase())
            if done(now):
                return now
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _look(self) -> Snapshot:
        for _ in range(LOOKS_MAX - 1):
            self._services.check()
            with suppress(UnreachableError):  # A busy machine is no dead service: ask again.
                return await self._watch.look()
        return await self._watch.look()


def _result(driven: Snapshot, last: Snapshot, summary_file: Path, cars: Examples | None) -> Result:
    published = published_by(last.entries, last.exits)
    found = tally(summary_file)
    counters = last.state.counters
    recorded = (counters.get("entered", 0), counters.get("exited", 0))
    trace = [] if cars is None else waterfall(cars.typical)
    # What is pending at the end waits until the cameras are known to be silent, not for a car: it is no measure.
    pending = [one.stats.pending_exit_to_disk_ms or Milliseconds() for one in (driven, last)]
    to_disk = (last.stats.exit_to_disk_ms or Milliseconds(), next((one for one in pending if one.p50), pending[-1]))
    return Result(
        account=account.account(published, found, to_disk=to_disk, file=str(summary_file), trace=trace),
        equations=account.equations(
            published,
            found,
            waiting=last.waiting,
            emitted=counters.get("emitted", 0),
            recorded=recorded,
            dead=last.dead,
        ),
        first_lines=first_lines(summary_file, FIRST_LINES),
        cars=cars,
    )
