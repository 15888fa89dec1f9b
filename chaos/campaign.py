"""Runs, one after the other, until the time is over or enough has passed."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

from aio_pika.exceptions import AMQPError
from msgspec import Struct
from parkstream_devtools import failing
from parkstream_devtools.faults import can_mount
from parkstream_devtools.sandbox import Sandbox
from parkstream_devtools.servers.process import StartError
from redis.exceptions import RedisError

from chaos.broken import BrokenPromiseError
from chaos.kinds import Kind, Need
from chaos.ledger import Line
from chaos.losses import missing, wait_until_rest_or_loss
from chaos.mall import Mall, can_fake_clocks
from chaos.schedule import RUN_FAULTS, SEEDS, Step, schedule, seeds_of
from chaos.verdict import broken_after, unrest, wait_until

Say = Callable[[str], None]
KEPT: Final = ("*.log", "*/*.log", "*/*/*.log", "*/*/log/*.log", "disk/*.jsonl")
"""What stays of a run in which a promise was broken."""

FAILURES: Final = (BrokenPromiseError, StartError, OSError, subprocess.SubprocessError, RedisError, AMQPError)
"""What is not as promised, and servers, services and commands that do not come back as they should."""


class Limits(Struct, frozen=True, kw_only=True):
    """When it ends: after so many minutes, sightings or faults."""

    minutes: float
    events: int | None = None
    faults: int | None = None


class Campaign:
    """Faults of *kinds*, beginning with the run that *seed* gives; what is kept of failures goes to *folder*."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        seed: int,
        kinds: Mapping[str, Kind],
        limits: Limits,
        folder: Path,
        say: Say,
        mall: Callable[..., Mall] = Mall,
    ) -> None:
        self._seed = seed
        self._kinds = kinds
        self._mall = mall
        self._limits = limits
        self._folder = folder
        self._say = say
        self._ends_at = time.monotonic() + limits.minutes * 60
        self._events = 0
        self._faults = 0

    def lines(self, known: set[int]) -> Iterator[Line]:
        """Yield what became of each fault; no seed is *known*, except the first if it is named."""
        possible = self._possible()
        seed, more = self._seed, seeds_of(self._seed)
        while not self._over:
            yield from self._run(seed, possible)
            seed = _fresh(more, known | {self._seed})
            known.add(seed)

    @property
    def _over(self) -> bool:
        enough = self._limits.events is not None and self._events >= self._limits.events
        hit = self._limits.faults is not None and self._faults >= self._limits.faults
        return enough or hit or time.monotonic() >= self._ends_at

    def _possible(self) -> set[Need | None]:
        """Return what this machine allows, and name what it does not."""
        allowed = {Need.CLOCKS: can_fake_clocks(), Need.DISK: can_mount()}
        for need in (
            {kind.needs for kind in self._kinds.values()} - {need for need in allowed if allowed[need]} - {None}
        ):
            left_out = [name for name, kind in self._kinds.items() if kind.needs is need]
            self._say(f"left out, for want of {need}: {', '.join(left_out)}")
        return {None, *(need for need in allowed if allowed[need])}

    def _run(self, seed: int, possible: set[Need | None]) -> Iterator[Line]:
        length = max(RUN_FAULTS, self._limits.faults or 0)
        steps = [step for step in schedule(seed, [*self._kinds], length) if self._kinds[step.kind].needs in possible]
        needed = {self._kinds[step.kind].needs for step in steps}
        self._say(f"seed {seed}: starting RabbitMQ, Redis, the summary API and two backends")
        with Sandbox() as sandbox, ExitStack() as stack:
            mall = self._mall(sandbox, stack, seed, clocks=Need.CLOCKS in needed, disk=Need.DISK in needed)
            before = 0
            for step in steps:
                if self._over:
                    return
                line = _struck(mall, seed, self._kinds[step.kind], step, before)
                before = line.events_so_far
                self._events += line.events
                self._faults += 1
                if line.broken:
                    keep(sandbox.folder, self._folder / f"{seed}-{step.position}")
                yield line
                if line.broken or line.lost:
                    return  # What follows would be judged by what is broken already.


def _struck(mall: Mall, seed: int, kind: Kind, step: Step, before: int) -> Line:
    """Have *step* happen, which is of *kind*, and judge what came of it."""
    random = Random(step.chance)
    hits, broken, healed_at = "", list[str](), time.monotonic()
    try:
        drawn = kind.draw(mall, random)
        hits = drawn.hits
        _let_pass(mall, step, kind)
        with drawn.fault:
            if kind.quiet:
                mall.camera.begin(round(step.events * (1 - step.share_before)), step.pause_seconds)
            time.sleep(step.lasting_seconds)  # It is not waited for: this is how long it lasts.
            if kind.refused_by:
                wait_until(lambda: _unrefused(mall, kind), f"{kind.name} is refused")
            healed_at = time.monotonic()
        lost = _rested(mall)
        recovered_at = time.monotonic()
        broken = [] if lost and mall.may_lose else broken_after(mall)
    except FAILURES as error:
        recovered_at, broken = time.monotonic(), [f"{type(error).__name__}: {error}"]
        lost = missing(mall)
    events = mall.camera.cars.traffic.sightings
    return Line(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=seed,
        position=step.position,
        kind=step.kind,
        hits=hits,
        events=events - before,
        events_so_far=events,
        recover_ms=round((recovered_at - healed_at) * 1_000, 1),
        broken=broken,
        lost=lost,
        without_replicas=mall.may_lose,
    )


def _rested(mall: Mall) -> int:
    """Return at rest how many sightings are missing: none, where none may be."""
    if mall.may_lose:
        wait_until_rest_or_loss(mall)
    else:
        wait_until(lambda: unrest(mall), "at rest")
    return missing(mall)


def _let_pass(mall: Mall, step: Step, kind: Kind) -> None:
    """Let as many cars pass as come before the fault; they go on, unless it begins at rest."""
    first = round(step.events * step.share_before)
    if kind.quiet or kind.alone:
        mall.camera.begin(first, step.pause_seconds)
        wait_until(lambda: unrest(mall), "at rest before")
        return
    confirmed = mall.camera.confirmed + first
    mall.camera.begin(step.events, step.pause_seconds)
    wait_until(lambda: "" if mall.camera.confirmed >= confirmed else "cameras publish", "cars pass")


def _unrefused(mall: Mall, kind: Kind) -> str:
    """Return which backends do not refuse; nothing when those do that must."""
    failed = {backend.name: failing(backend.url).keys() for backend in mall.backends}
    ready = [name for name, found in failed.items() if not found & set(kind.refused_by)]
    return "" if kind.by_one and len(ready) < len(failed) else ", ".join(ready)


def _fresh(random: Random, known: set[int]) -> int:
    while (seed := random.randrange(SEEDS)) in known:
        continue
    return seed


def keep(sandbox: Path, folder: Path) -> None:
    """Copy what explains a failure from *sandbox* to *folder*."""
    for pattern in KEPT:
        for path in sandbox.glob(pattern):
            kept = folder / path.relative_to(sandbox)
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, kept)
