"""The run of a demo: start, drive, stop, wait until nothing is pending, draw the account."""

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_devtools import Sandbox, ensure_servers
from rich.console import Console

from parkstream_cli.demo import account, plan
from parkstream_cli.demo.account import Account, Line, Milliseconds, Published
from parkstream_cli.demo.kept_files import keep_spans, kept
from parkstream_cli.demo.live_table import Board, board
from parkstream_cli.demo.plan import Options
from parkstream_cli.demo.services import Services, start_servers
from parkstream_cli.demo.snapshots import Snapshot, Watch
from parkstream_cli.demo.summary_file import first_lines, tally
from parkstream_cli.demo.trace_sink import Shown, Tracing, shown, tracing
from parkstream_cli.demo_folder import SPANS_FILE
from parkstream_cli.probes import Asker, UnreachableError, connected
from parkstream_cli.traces.waterfall import waterfall

LOOK_EVERY_SECONDS: Final = 1.0
SETTLE_SECONDS: Final = 60.0
FIRST_LINES: Final = 2
LOOKS_MAX: Final = 3


class NotEmptyError(Exception):
    """The folder that shall be kept has something in it."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} is not empty: an account needs a fresh start, so name another folder")


class Result(Struct, frozen=True):
    """What a demo ends with."""

    account: Account
    equations: list[Line]
    first_lines: list[str]
    cars: Shown | None = None

    @property
    def balanced(self) -> bool:
        """Whether every equation holds."""
        return all(line.holds for line in self.equations)


def run(options: Options, console: Console) -> Result:
    """Run the whole pipeline as *options* say; progress goes to *console*."""

    def say(what: str) -> None:
        console.print(what, highlight=False, soft_wrap=True)

    if options.keep is not None and options.keep.exists() and any(options.keep.iterdir()):
        raise NotEmptyError(options.keep)
    ensure_servers(say)
    with ExitStack() as last, Sandbox(options.keep, keep=options.keep is not None) as sandbox:
        summary_file = sandbox.folder / "summaries.jsonl"
        servers = start_servers(sandbox, say)
        # Entered last but left last: services that end still send spans.
        traced = last.enter_context(tracing(os.environ, sandbox.folder / SPANS_FILE, say))
        say("starting summary-api, backend, exit-generator, entry-generator")
        told = plan.of_all(servers, os.environ) | traced.environ
        services = Services(sandbox, told, options, summary_file)
        with board(console) as live:
            seen = asyncio.run(_drive(services, servers.rabbitmq_url, options, live))
        services.check()
        return _result(seen, kept(summary_file, options.keep), _cars(services, traced, options))


def _cars(services: Services, traced: Tracing, options: Options) -> Shown | None:
    """End the *services*, for then their spans are complete, and choose what to show."""
    if traced.file is None:
        return None
    services.stop()
    found = shown(traced.file)
    keep_spans(traced.file, options.keep)
    return found


async def _drive(services: Services, rabbitmq_url: str, options: Options, live: Board) -> Snapshot:
    async with AsyncExitStack() as stack:
        rabbitmq = await stack.enter_async_context(await connected(rabbitmq_url))
        asker = await stack.enter_async_context(Asker())
        watch = Watch(services.addresses, asker, await rabbitmq.channel())
        loop = _Loop(services, watch, live)
        end = time.monotonic() + options.seconds
        await loop.until(
            lambda _: time.monotonic() >= end, lambda: f"driving, {max(end - time.monotonic(), 0):.0f} s to go"
        )
        await watch.stop_cameras()
        deadline = time.monotonic() + SETTLE_SECONDS
        return await loop.until(
            lambda now: now.settled or time.monotonic() >= deadline,
            lambda: "settling until nothing is pending",
        )


class _Loop:
    """Looks again and again, and shows what it sees."""

    def __init__(self, services: Services, watch: Watch, shown: Board) -> None:
        self._services = services
        self._watch = watch
        self._shown = shown
        self._recent: list[Snapshot] = []

    async def until(self, done: Callable[[Snapshot], bool], phase: Callable[[], str]) -> Snapshot:
        """Return the first snapshot that is *done*."""
        while True:
            now = await self._look()
            self._recent = [*self._recent[-4:], now]
            self._shown.show(self._recent[0], now, phase())
            if done(now):
                return now
            await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def _look(self) -> Snapshot:
        for _ in range(LOOKS_MAX - 1):
            self._services.check()
            with suppress(UnreachableError):  # A busy machine is no dead service: ask again.
                return await self._watch.look()
        return await self._watch.look()


def _result(last: Snapshot, summary_file: Path, cars: Shown | None) -> Result:
    published = Published(
        entries=last.entries.published,
        exits=last.exits.published,
        matched=last.exits.matched,
        unmatched=last.exits.unmatched,
    )
    found = tally(summary_file)
    counters = last.state.counters
    recorded = (counters.get("entered", 0), counters.get("exited", 0))
    trace = [] if cars is None else waterfall(cars.typical)
    to_disk = (last.stats.exit_to_disk_ms or Milliseconds(), last.stats.held_exit_to_disk_ms or Milliseconds())
    return Result(
        account=account.account(published, found, to_disk=to_disk, file=str(summary_file), trace=trace),
        equations=account.equations(
            published, found, waiting=last.waiting, emitted=counters.get("emitted", 0), recorded=recorded
        ),
        first_lines=first_lines(summary_file, FIRST_LINES),
        cars=cars,
    )
