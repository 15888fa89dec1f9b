"""A run of the whole pipeline: start it, drive it, stop the cameras, wait until nothing is pending, count."""

import asyncio
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Final

from msgspec import Struct
from parkstream_telemetry.kept_traces.examples import Examples, examples_in
from parkstream_telemetry.kept_traces.waterfall import waterfall

from parkstream_devtools.pipeline import account
from parkstream_devtools.pipeline.account import Account, Line, Milliseconds
from parkstream_devtools.pipeline.data_folder import NOT_PRIVATE, discoverable, locked
from parkstream_devtools.pipeline.kept_files import keep_spans, kept
from parkstream_devtools.pipeline.kept_place import make_place, own_place, usual_place
from parkstream_devtools.pipeline.observer import Show, observing
from parkstream_devtools.pipeline.settings import Options, Say
from parkstream_devtools.pipeline.snapshots import Snapshot, published_by
from parkstream_devtools.pipeline.summary_file import first_lines, plate_of, tally
from parkstream_devtools.pipeline.system import System, start_system
from parkstream_devtools.sandbox import Sandbox
from parkstream_devtools.servers.install import ensure_servers

SETTLE_SECONDS: Final = 180.0
FIRST_LINES: Final = 2


class Result(Struct, frozen=True):
    """What a demo ends with, and what still runs."""

    account: Account
    equations: list[Line]
    first_lines: list[str]
    cars: Examples | None = None
    system: System | None = None

    @property
    def plate(self) -> str | None:
        """The plate of a car that left."""
        return plate_of(self.first_lines[0]) if self.first_lines else None

    @property
    def balanced(self) -> bool:
        """Whether every equation holds."""
        return all(line.holds for line in self.equations)


@contextmanager
def run(options: Options, say: Say, progress: AbstractContextManager[Show]) -> Generator[Result, None, None]:
    """Run the whole pipeline as *options* say and yield what came of it; *say* and *progress* show what goes on.

    All of it ends with the block; if ``stay_in`` is set, what answers questions runs until then. Raises
    ``PlaceError``, ``DataFolderError``, ``DiedError`` when a server or service ended by itself, ``StartError`` and
    ``UnreachableError``.
    """
    if options.keep is not None:
        make_place(options.keep)
    ensure_servers(say)
    with _locked(options.stay_in) as lock, ExitStack() as last, Sandbox(options.keep, lock=lock) as sandbox:
        system = start_system(sandbox, last, options, say, usual_ports=False)
        say(f"console: {system.console}")
        with nullcontext() if options.stay_in is None else discoverable(options.stay_in, system.environ):
            with progress as show:
                driven, final = asyncio.run(_drive(system, options, show))
            system.services.check()
            place = own_place()
            if place != usual_place():
                say(f"{usual_place()} {NOT_PRIVATE}: what stays of this demo is in {place}")
            cars = _examples(system, stay=options.stay_in is not None)
            file = kept(system.summary_file, place if options.keep is None else None)
            try:
                yield _result(driven, final, file, cars, system)
            finally:
                system.services.stop()
                if system.traced.file is not None:
                    keep_spans(system.traced.file, place, moved=options.keep is None)


def _locked(stay_in: Path | None) -> AbstractContextManager[int | None]:
    return nullcontext() if stay_in is None else locked(stay_in)


def _examples(system: System, *, stay: bool) -> Examples | None:
    """Stop the services, for then their spans are complete, and choose what to show; start them again to *stay*."""
    if system.traced.file is None:
        return None
    system.services.stop()
    found = examples_in(system.traced.file)
    if stay:
        system.services.restart_without_cameras()
    return found


async def _drive(system: System, options: Options, show: Show) -> tuple[Snapshot, Snapshot]:
    """Return how things stand when the cameras stop, and when nothing is pending any more."""
    async with observing(system, show) as observer:
        end = time.monotonic() + options.seconds
        driven = await observer.until(
            lambda _: time.monotonic() >= end, lambda: f"driving, {max(end - time.monotonic(), 0):.0f} s to go"
        )
        await observer.stop_cameras()
        deadline = time.monotonic() + SETTLE_SECONDS + options.late_seconds
        return driven, await observer.until(
            lambda now: now.settled or time.monotonic() >= deadline,
            lambda: "settling until nothing is pending",
        )


def _result(driven: Snapshot, last: Snapshot, summary_file: Path, cars: Examples | None, system: System) -> Result:
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
        system=system,
    )
