"""What only the clock shows becomes a decision in the log: gates are silent or behind, or a visit was pending too long.

Every backend may decide: a decision has one id per position, so the log keeps one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar

from parkstream_eventlog import Appended, EventLog, LogState, Overtaken
from parkstream_events import wire
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_events.units import SECOND_US
from parkstream_projection import OtherRulesError, Outlook, Waiting
from parkstream_service.retry import OnRetry, retried
from parkstream_telemetry import Telemetry, names
from parkstream_visits import Rules
from parkstream_visits.watermark_decision import Drained, Due, Overdue, next_decision

ResultT = TypeVar("ResultT")
LOOK_SECONDS_MAX: Final = 1.0
LOOK_SECONDS_MIN: Final = 0.05
STAND_BY_SECONDS: Final = 1.0
CATCH_UP_SECONDS: Final = 0.5
CATCH_UP_LOOK_SECONDS: Final = 0.02

Drains = Callable[[Direction], Awaitable[Drained | None]]
"""Up to when all that was published to a direction's queue is recorded: a ``QueueDrains``."""


class Outlooks(Protocol):
    """Tells what the projection holds back: a ``Reads``."""

    async def outlook(self) -> Outlook:
        """Return the visits that come due first."""
        ...

    async def recorded_at(self, names: list[str]) -> list[int]:
        """Return when the last sighting of each plate was recorded."""
        ...


class WatermarkGenerator:
    """Decides by the clock of Redis, under the rules in force; *rules* are those that shall be."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        log: EventLog,
        outlooks: Outlooks,
        rules: Rules,
        drains: Drains,
        telemetry: Telemetry,
        on_retry: OnRetry,
    ) -> None:
        self._log = log
        self._outlooks = outlooks
        self._rules = rules
        self._drains = drains
        self._telemetry = telemetry
        self._on_retry = on_retry
        self._decided = 0

    async def run(self) -> None:
        """Generate watermarks for ever; may be cancelled anywhere."""
        await self._answered(self.put_rules_in_force)
        while True:
            pause_seconds = await self._answered(self.look)
            await asyncio.sleep(pause_seconds)

    async def _answered(self, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Return what *call* does; a projection of other rules is decided for by programs that have those."""
        while True:
            try:
                return await retried(call, on_retry=self._on_retry)
            except OtherRulesError:
                await asyncio.sleep(STAND_BY_SECONDS)

    async def put_rules_in_force(self) -> None:
        """Append the rules unless they are in force, as the projection knows once it has caught up."""
        position = (await self._log.state()).position
        while True:
            outlook = await self._outlook_at(position)
            if outlook.checkpoint < position:
                continue
            if outlook.clock.rules[-1] == self._rules:
                return
            decision = self._rules.changed((await self._log.state()).position)
            outcome = await self._log.decide(wire.RULES_CHANGED, decision.id, wire.encode(decision), unless_after=None)
            if isinstance(outcome, Appended):
                self._telemetry.log(names.EVENT_RULES_CHANGED, position=outcome.position)
                return
            assert not isinstance(outcome, Overtaken)
            position = outcome.position  # Another backend has changed them; not to ours, perhaps.

    async def look(self) -> float:
        """Decide what is to be decided now, and return after how many seconds to look again."""
        drained = {direction: await self._drains(direction) for direction in Direction}
        state = await self._log.state()  # It holds all that is recorded by what the queues say.
        outlook = await self._outlook_at(state.position)
        due = await self._next(state, outlook, drained)
        next_us = state.now_us + SECOND_US if due is None else max(due.at_us, state.now_us)
        if due is not None and due.at_us <= state.now_us:
            await self._decide(due.decision(state.now_us, state.position))
        lateness_us = outlook.clock.rules[-1].allowed_lateness_us
        most = min(LOOK_SECONDS_MAX, max(LOOK_SECONDS_MIN, lateness_us / SECOND_US / 2))
        return min(most, max(LOOK_SECONDS_MIN, (next_us - state.now_us) / SECOND_US))

    async def _outlook_at(self, position: int) -> Outlook:
        """Return the outlook when the projection has reached *position*, or after a moment as it is."""
        for _ in range(int(CATCH_UP_SECONDS / CATCH_UP_LOOK_SECONDS)):
            outlook = await self._outlooks.outlook()
            if outlook.checkpoint >= position:
                return outlook
            await asyncio.sleep(CATCH_UP_LOOK_SECONDS)
        return await self._outlooks.outlook()

    async def _next(self, state: LogState, outlook: Outlook, drained: Mapping[Direction, Drained | None]) -> Due | None:
        """Return what is to be decided next; nothing while the last decision is not projected."""
        waiting = sorted(one for way in outlook.waiting for one in way)
        if state.position < self._decided:  # An older Redis was adopted: that decision is not in its log.
            self._decided = 0
        if not waiting or outlook.checkpoint < self._decided:
            return None
        is_caught_up = outlook.checkpoint >= state.position
        overdue = await self._overdue(waiting, state, outlook)
        known = drained if is_caught_up else dict[Direction, Drained | None].fromkeys(Direction)
        return next_decision(outlook.clock, waiting[0].due_us, overdue, known, state.now_us)

    async def _overdue(self, waiting: list[Waiting], state: LogState, outlook: Outlook) -> Overdue:
        """Return which of *waiting* have been pending for ``hold_max``, or the first that will have been.

        It counts from the due time, or from the recording of the plate's last sighting if that is later: what comes
        late is not pending for long yet. A projection that lags behind goes by the time that it has got to.
        """
        rules = outlook.clock.rules[-1]
        lag_us = 0 if outlook.checkpoint >= state.position else state.now_us - outlook.clock.recorded_at_us
        patience_us = rules.hold_max_us + max(0, lag_us)
        times = {one: one.due_us + rules.allowed_lateness_us + patience_us for one in waiting}
        late = [one for one, at_us in times.items() if at_us <= state.now_us]
        for one, recorded_us in zip(late, await self._outlooks.recorded_at([one.plate for one in late]), strict=True):
            times[one] = max(times[one], recorded_us + patience_us)
        overdue = [one for one in late if times[one] <= state.now_us] or [min(times, key=times.__getitem__)]
        return Overdue(min(times[one] for one in overdue), max(one.due_us for one in overdue))

    async def _decide(self, decision: WatermarkAdvanced) -> None:
        """Append *decision*; whether a gate has reported meanwhile, so that it is void, the fold finds out."""
        outcome = await self._log.decide(wire.WATERMARK_ADVANCED, decision.id, wire.encode(decision), unless_after=None)
        assert not isinstance(outcome, Overtaken)
        self._decided = outcome.position
        if isinstance(outcome, Appended):
            self._telemetry.add(names.DECISIONS, reason=decision.because)
