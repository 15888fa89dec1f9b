"""From the log to the visits: follow, fold, commit; and what is reported of it."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import Final, Protocol

from parkstream_eventlog import EventLog, Record
from parkstream_events import wire
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.units import SECOND_US
from parkstream_projection import (
    IncompleteStateError,
    NotLiveError,
    OtherRulesError,
    Present,
    ProjectionError,
    StaleError,
)
from parkstream_projection.visits import VisitsProjector, VisitsStep
from parkstream_service.redis import is_transient
from parkstream_service.retry import Wait, retried
from parkstream_telemetry import Span, Stage, Telemetry, end, links_to, names, traceparent_of
from parkstream_visits import Emitted, Unreadable

from parkstream_backend.readable_types import nobody

BATCH_MAX: Final = 1_000
STAND_BY_SECONDS: Final = 0.25
"""How often a backend looks whether the one that projects still does."""


class Presence(Protocol):
    """Tells where the projection stands: a ``Reads``."""

    async def state(self) -> Present:
        """Return where it stands."""
        ...


class NewerVersionError(ProjectionError):
    """The record at *position* is of a version that a newer program records, and only that can fold."""

    def __init__(self, position: int, type_: str) -> None:
        super().__init__(
            f"record {position} is of {type_}, a version that a newer program recorded: it projects from there on; "
            "start a backend of that version with the role project"
        )
        self.position = position


class ProjectSpans:
    """The spans of what is folded: they end with the commit; another backend reports what it has committed."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._tracing = telemetry.tracing
        self._project = telemetry.steps.project
        self._hash = telemetry.hash_plate
        self._public_id = telemetry.public_id
        self._started_ns = 0
        self._open: list[Span] = []

    def begin(self) -> None:
        """Forget what was not committed; what follows begins now."""
        self._open.clear()
        self._started_ns = time.time_ns()

    def emitted(self, emitted: Emitted) -> str | None:
        """Return the trace context that the summary of *emitted* goes on with, after that of its cause.

        What is restated starts a trace of its own, which links to that one: that one has ended long ago.
        """
        if not self._tracing:
            return None
        cause = emitted.cause.traceparent
        span = self._project(
            None if emitted.restated else cause,
            links=links_to(cause) if emitted.restated else (),
            started_ns=self._started_ns,
            position=emitted.position,
            plate_hash=self._hash(emitted.plate),
            visit_id=self._public_id(emitted.visit_id, emitted.plate),
            revision=emitted.revision,
            outcome=emitted.outcome.value,
        )
        self._open.append(span)
        return traceparent_of(span)

    def committed(self, emitted: int) -> None:
        """End the spans of the *emitted* summaries, which are the last; the others were emitted before."""
        ended_ns = time.time_ns()
        for span in self._open[len(self._open) - emitted :]:
            end(span, ended_ns=ended_ns)
        self._open.clear()

    def failed(self, error: BaseException) -> None:
        """End the spans with *error*; they may have been committed all the same, and have children then."""
        for span in self._open:
            end(span, error=error)
        self._open.clear()


class Follower:
    """Keeps the projection up with *log*; of several backends one works, and the others stand by.

    *wait* is what it waits for when Redis is away.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        projector: VisitsProjector,
        spans: ProjectSpans,
        log: EventLog,
        presence: Presence,
        telemetry: Telemetry,
        wait: Wait,
        by_newer: Callable[[str], Awaitable[bool]] = nobody,
    ) -> None:
        self._projector = projector
        self._spans = spans
        self._log = log
        self._presence = presence
        self._telemetry = telemetry
        self._wait = wait
        self._by_newer = by_newer
        self._newer_at = 0
        """The position of a record that only newer programs can fold; 0 when none is known."""
        self._overtaken = False
        self.problem = ""
        """What keeps it from projecting until somebody mends it, or has made a projection with its rules."""

    async def run(self) -> None:
        """Project for ever; may be cancelled anywhere, and ends only with an error that does not pass by itself."""
        while True:
            await retried(self._project, on_retry=self._wait)

    async def _project(self) -> None:
        """Project until another backend has gone on, or Redis goes away after something was projected."""
        projected = False
        try:
            if self._overtaken:
                await self._stand_by()
            checkpoint = await self._projector.load()
            if checkpoint >= self._newer_at:
                self.problem = ""
            self._wait.passed()
            async for records in self._readable(checkpoint):
                self._spans.begin()
                self._report(await self._projector.step(records))
                projected = True
                self._wait.passed()
        except NotLiveError as error:  # Nobody projects the one that is live now, unless somebody was faster.
            self._telemetry.log(names.EVENT_SWITCHED, version=error.live)
            self._overtaken = False
        except StaleError:
            self._overtaken = True
        except (OtherRulesError, NewerVersionError) as error:
            self._newer_at = error.position if isinstance(error, NewerVersionError) else 0
            await self._stand_by_for(error)
        except BaseException as error:
            self._spans.failed(error)
            if isinstance(error, IncompleteStateError):
                self.problem = str(error)
            if not projected or not isinstance(error, Exception) or not is_transient(error):
                raise
            self._wait(error)  # The waits begin anew: they are for one outage.

    async def _readable(self, checkpoint: int) -> AsyncGenerator[Sequence[Record], None]:
        """Follow the log from *checkpoint* up to the first record that only newer programs can fold; raise there."""
        async for records in self._log.follow(checkpoint, BATCH_MAX):
            for nth, record in enumerate(records):
                if record.type not in wire.BODIES and await self._by_newer(record.type):
                    if nth:
                        yield records[:nth]
                    raise NewerVersionError(record.position, record.type)
            yield records

    async def _stand_by_for(self, error: ProjectionError) -> None:
        """Leave the projection to programs that can go on with it, and look again in a moment."""
        if not self.problem:
            self._telemetry.log(names.EVENT_WAITING, dependency="projection", detail=str(error))
        self.problem = str(error)
        await asyncio.sleep(STAND_BY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 (spreads load)

    async def _stand_by(self) -> None:
        """Return when a record waits and nobody projects: what was there a moment ago is not taken in."""
        position = checkpoint = -1
        while True:
            now = (await self._presence.state()).checkpoint
            if now == checkpoint and now < position:
                return
            checkpoint, position = now, (await self._log.state()).position
            self._wait.passed()
            await asyncio.sleep(STAND_BY_SECONDS * random.uniform(0.8, 1.2))  # noqa: S311 (spreads load)

    def _report(self, step: VisitsStep) -> None:
        self._spans.committed(step.emitted)
        now_us = time.time_ns() // 1_000
        took = self._telemetry.latency.record
        for recorded in step.events:
            took(Stage.RECORD_TO_PROJECT, (now_us - recorded.recorded_at_us) / SECOND_US)
            match recorded.event:
                case Unreadable(reason=reason):
                    self._telemetry.log(
                        names.EVENT_UNREADABLE, span=recorded.traceparent, position=recorded.position, reason=reason
                    )
                case (
                    VehicleEntered(vehicle_plate=plate, gate=str(gate))
                    | VehicleExited(vehicle_plate=plate, gate=str(gate))
                ):
                    self._telemetry.public_gate(gate, plate)
                case _:
                    pass
        emitted = step.revisions[len(step.revisions) - step.emitted :]  # A rebuilt projection repeats what was emitted.
        for outcome, count in Counter(one.outcome for one in emitted).items():
            self._telemetry.add(names.VISITS, count, outcome=outcome.value)
        for one in emitted:
            if one.entry and one.exit:
                self._telemetry.record(names.DWELL, (one.exit.at_us - one.entry.at_us) / SECOND_US)
