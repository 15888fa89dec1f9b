"""From the log to the visits: follow, fold, commit; and what is told of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, Protocol

from parkstream_eventlog import EventLog, delays_seconds, is_transient
from parkstream_projection import Present, Projector, StaleError, Step
from parkstream_telemetry import Stage, Telemetry, names
from parkstream_visits import Unreadable

BATCH_MAX: Final = 1_000
STAND_BY_SECONDS: Final = 0.25
"""How often a backend looks whether the one that projects still does."""
SECOND_US: Final = 1_000_000


class Presence(Protocol):
    """Tells where the projection stands: a ``Reads``."""

    async def state(self) -> Present:
        """Return where it stands."""
        ...


class Projecting:
    """Keeps the projection up with *log*; of several backends one works, and the others stand by.

    ``on_retry(error, delay_seconds)`` is told when Redis is away.
    """

    def __init__(
        self,
        projector: Projector,
        log: EventLog,
        presence: Presence,
        telemetry: Telemetry,
        on_retry: Callable[[Exception, float], None],
    ) -> None:
        self._projector = projector
        self._log = log
        self._presence = presence
        self._telemetry = telemetry
        self._on_retry = on_retry
        self._works = False
        telemetry.watch(names.CARS_INSIDE, lambda: self._figure(projector.clock.counters.inside))
        telemetry.watch(names.VISITS_HELD, lambda: self._figure(projector.clock.counters.held))

    async def run(self) -> None:
        """Project for ever; may be cancelled anywhere, and ends only with an error that does not pass by itself."""
        delays = delays_seconds()
        overtaken = False
        while True:
            try:
                if overtaken:
                    await self._stand_by()
                async for step in self._projector.steps(BATCH_MAX):
                    delays = delays_seconds()
                    self._tell(step)
            except StaleError:
                overtaken = True
            except Exception as error:
                if not is_transient(error):
                    raise
                delay_seconds = next(delays)
                self._on_retry(error, delay_seconds)
                await asyncio.sleep(delay_seconds)
            finally:
                self._works = False

    async def _stand_by(self) -> None:
        """Return when a record waits and nobody projects: what was there a moment ago is not taken in."""
        position = checkpoint = -1
        while True:
            now = (await self._presence.state()).checkpoint
            if now == checkpoint and now < position:
                return
            checkpoint, position = now, (await self._log.state()).position
            await asyncio.sleep(STAND_BY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 (spreads load)

    def _tell(self, step: Step) -> None:
        self._works = True
        now_us = time.time_ns() // 1_000
        took = self._telemetry.latency.record
        for fact in step.facts:
            took(Stage.RECORD_TO_PROJECT, (now_us - fact.recorded_at_us) / SECOND_US)
            if isinstance(fact.event, Unreadable):
                detail = f"{fact.event.type}: {fact.event.reason}: {fact.event.detail}"
                self._telemetry.log(names.EVENT_UNREADABLE, position=fact.position, detail=detail)
        emitted = step.spoken[len(step.spoken) - step.emitted :]  # A rebuilt projection says again what was said.
        for outcome, count in Counter(spoken.outcome for spoken in emitted).items():
            self._telemetry.add(names.VISITS, count, outcome=outcome.value)

    def _figure(self, count: int) -> list[tuple[float, dict[str, str]]]:
        """Return *count* as the one who knows it, nothing while standing by."""
        return [(count, {})] if self._works else []
