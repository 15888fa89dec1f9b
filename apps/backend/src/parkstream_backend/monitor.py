"""Looks once a second at how full everything is, and whether it is safe to write at all.

For back-pressure, for health and for the gauges.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from parkstream_eventlog import EventLogError, LogReader, LogState, memory_share
from parkstream_projection import OtherRulesError, Outbox, Present, Reads, Versions
from parkstream_projection.present import GateState
from parkstream_service.redis import is_transient
from parkstream_telemetry import Telemetry, names
from parkstream_visits import Clock
from parkstream_visits.state import Counters
from redis.asyncio import Redis

from parkstream_backend.clock_guard import ahead_problem
from parkstream_backend.record.back_pressure import MEMORY_SHARE_MAX, BackPressure, reasons_to_pause

EVERY_SECONDS: Final = 1.0
UNNAMED: Final = "unnamed"
"""What stands for the gate of sightings that name none."""
Guard = Callable[[], Awaitable[None]]
"""Raises an ``EventLogError`` while nothing may be written."""


class Figures(Struct, frozen=True, kw_only=True):
    """How full everything is."""

    memory_share: float = 0.0
    """Of Redis' maxmemory; 0 without one."""
    position: int = 0
    length: int = 0
    log_problem: str = ""
    """What is wrong with its records."""
    checkpoint: int = 0
    outbox_depth: int = 0
    outbox_age_seconds: float = 0.0
    parked: int = 0
    gone: int = 0
    """Summaries that somebody has deleted from the outbox."""
    quiet: bool = False
    """Whether a switch of versions waits for the log to come to rest."""
    inside: int = 0
    pending: int = 0
    """Visits that wait for the watermark."""
    matched_share: float = 1.0
    unreadable: int = 0
    """Records that cannot be read, and that nobody has acknowledged."""
    too_late: int = 0
    """Sightings of visits that were final."""
    too_many: int = 0
    """Sightings of plates that had as many as are kept."""
    behind: tuple[GateState, ...] = ()
    """The gates that report only what is old."""

    @property
    def lag(self) -> int:
        """How many records are not projected yet."""
        return max(0, self.position - self.checkpoint)


class Measure:
    """Reads the figures from Redis."""

    def __init__(self, redis: Redis, log: LogReader, outbox: Outbox, reads: Reads, versions: Versions) -> None:
        self._redis = redis
        self._log = log
        self._outbox = outbox
        self._reads = reads
        self._versions = versions

    async def __call__(self) -> Figures:
        """Return how full everything is now."""
        present = await self._present()  # Before the position, so that no lag is negative.
        log = await self._log.state()
        counters, account = present.clock.counters, await self._outbox.account()
        return Figures(
            memory_share=await memory_share(self._redis),
            checkpoint=present.checkpoint,
            inside=present.inside,
            pending=present.pending,
            matched_share=matched_share(counters),
            unreadable=present.unreadable,
            too_late=counters.too_late_entries + counters.too_late_exits,
            too_many=counters.too_many_entries + counters.too_many_exits,
            behind=tuple(gate for gate in present.gates if gate.is_behind),
            position=log.position,
            length=log.length,
            log_problem=ahead_problem(log) or incomplete_problem(log),
            outbox_depth=account.waiting,
            outbox_age_seconds=await self._outbox.age_seconds(),
            parked=account.parked,
            gone=account.gone,
            quiet=await self._versions.is_quiet(),
        )

    async def _present(self) -> Present:
        """Return where the projection stands; of one that other rules made only how far it has got can be read."""
        try:
            return await self._reads.state()
        except OtherRulesError:
            return Present(await self._reads.checkpoint(), "", Clock())


class Monitor:
    """Keeps the last figures, and recording paused while one of them is too high or one of *guards* objects."""

    def __init__(  # noqa: PLR0913 - what it is made of
        self,
        measure: Callable[[], Awaitable[Figures]],
        guards: Mapping[str, Guard],
        back_pressure: BackPressure,
        telemetry: Telemetry,
        *,
        projection_lag_max: int,
        outbox_max: int,
    ) -> None:
        self.figures = Figures()
        self.redis_problem = "not reached yet"
        """Why the figures are not current; empty when they are."""
        self.problems: dict[str, str] = dict.fromkeys(guards, "")
        """By guard, why nothing may be written; empty where it may."""
        self.limits: Final[Mapping[str, float]] = {
            "redis_memory": MEMORY_SHARE_MAX,
            "projection_lag": projection_lag_max,
            "outbox": outbox_max,
            "switching": 1,
        }
        self._measure = measure
        self._guards = guards
        self._back_pressure = back_pressure
        self._telemetry = telemetry
        self._watch()

    async def run(self) -> None:
        """Look, again and again."""
        while True:
            await self.look()
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Take the figures once, and pause or resume by them; while Redis is away that stays as it is."""
        try:
            await self.ask_guards()
            self.figures = self._public(await self._measure())
        except Exception as error:
            if not is_transient(error):
                raise
            self.redis_problem = f"{type(error).__name__}: {error}"
            if any(self.problems.values()):
                self._set_back_pressure()  # Functions that are gone may be those that are asked for the figures.
            return
        self.redis_problem = ""
        self._set_back_pressure()

    async def ask_guards(self) -> None:
        """Ask each guard whether something may be written."""
        for name, guard in self._guards.items():
            problem = ""
            try:
                await guard()
            except EventLogError as error:
                problem = str(error)
            if problem and not self.problems[name]:
                self._telemetry.log(names.EVENT_UNSAFE, reason=name, detail=problem)
            self.problems[name] = problem

    def _public(self, figures: Figures) -> Figures:
        """Return *figures* with the names of gates as they may leave."""
        name = self._telemetry.public_gate
        return replace(figures, behind=tuple(replace(gate, gate=name(gate.gate)) for gate in figures.behind))

    def _watch(self) -> None:
        watch = self._telemetry.watch
        watch(names.LOG_POSITION, lambda: self._figure(self.figures.position))
        watch(names.LOG_LENGTH, lambda: self._figure(self.figures.length))
        watch(names.PROJECTION_LAG, lambda: self._figure(self.figures.lag))
        watch(names.OUTBOX_DEPTH, lambda: self._figure(self.figures.outbox_depth))
        watch(names.OUTBOX_AGE, lambda: self._figure(self.figures.outbox_age_seconds))
        watch(names.OUTBOX_PARKED, lambda: self._figure(self.figures.parked))
        watch(names.CARS_INSIDE, lambda: self._figure(self.figures.inside))
        watch(names.VISITS_PENDING, lambda: self._figure(self.figures.pending))
        watch(names.VISITS_MATCHED, lambda: self._figure(self.figures.matched_share))
        watch(names.RECORDS_UNREADABLE, lambda: self._figure(self.figures.unreadable))
        watch(names.SIGHTINGS_IGNORED, self._ignored)
        watch(names.GATE_DELAY, self._delays)
        watch(names.MEMORY_SHARE, lambda: self._figure(self.figures.memory_share))
        watch(names.PAUSED, lambda: bool(self._back_pressure.reasons))
        watch(names.UNSAFE, lambda: any(self.problems.values()))

    def _ignored(self) -> list[tuple[float, dict[str, str]]]:
        """Return the sightings that changed nothing, by reason, while they are current."""
        by_reason = {"too_late": self.figures.too_late, "too_many": self.figures.too_many}
        return [] if self.redis_problem else [(count, {"reason": reason}) for reason, count in by_reason.items()]

    def _delays(self) -> list[tuple[float, dict[str, str]]]:
        """Return how far each gate is behind that is, while that is current."""
        if self.redis_problem:
            return []
        return [
            (gate.delay_seconds, {"direction": gate.direction, "gate": gate.gate or UNNAMED})
            for gate in self.figures.behind
        ]

    def _figure(self, figure: float) -> list[tuple[float, dict[str, str]]]:
        """Return *figure* while it is current."""
        return [] if self.redis_problem else [(figure, {})]

    def _set_back_pressure(self) -> None:
        figures = {
            "redis_memory": self.figures.memory_share,
            "projection_lag": float(self.figures.lag),
            "outbox": float(self.figures.outbox_depth),
            "switching": float(self.figures.quiet),
        }
        before = self._back_pressure.reasons
        reasons = reasons_to_pause(figures, self.limits, before)
        reasons |= {name for name, problem in self.problems.items() if problem}
        self._back_pressure.set_reasons(reasons)
        if reasons and not before:
            self._telemetry.log(names.EVENT_PAUSED, reasons=",".join(sorted(reasons)))
        if before and not reasons:
            self._telemetry.log(names.EVENT_RESUMED)


def incomplete_problem(log: LogState) -> str:
    """Say that records are missing that nobody has archived, if so."""
    expected = log.position - log.archived_through
    if log.length == expected:
        return ""
    return (
        f"Redis holds {log.length} records of the log, but {expected} are not archived: it was deleted or cut; "
        "restore Redis' append-only file (runbook: keys were deleted)"
    )


def matched_share(counters: Counters) -> float:
    """Return which share of the visits that ended with an exit began with an entry; 1 before there were any."""
    exited = counters.completed + counters.entry_missed
    return counters.completed / exited if exited else 1.0
