"""What only the clock shows becomes a decision in the log: a direction is silent, or a visit was pending for too long.

Every backend may decide: a decision has one id per direction and position, so the log keeps one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Literal, Protocol, TypeVar

from parkstream_eventlog import Appended, EventLog, GapError, LogState, Overtaken
from parkstream_events import wire
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.log_schema import CATEGORIES
from parkstream_events.sightings import Direction
from parkstream_events.units import SECOND_US
from parkstream_projection import OtherRulesError, Outlook, Waiting
from parkstream_service.retry import OnRetry, retried
from parkstream_telemetry import Telemetry, names
from parkstream_visits import Rules

ResultT = TypeVar("ResultT")
LOOK_SECONDS_MAX: Final = 1.0
LOOK_SECONDS_MIN: Final = 0.05
STAND_BY_SECONDS: Final = 1.0
CATCH_UP_SECONDS: Final = 0.5
CATCH_UP_LOOK_SECONDS: Final = 0.02

QueueDepth = Callable[[Direction], Awaitable[int | None]]
"""How many messages wait in a direction's queue; None when nobody knows, which counts as not empty."""


class Outlooks(Protocol):
    """Tells what the projection holds back: a ``Reads``."""

    async def outlook(self) -> Outlook:
        """Return the visits that come due first."""
        ...

    async def latest_positions(self, names: list[str]) -> list[int]:
        """Return where the last sighting of each plate stands in the log."""
        ...


class WatermarkGenerator:
    """Decides by the clock of Redis, under the rules in force; *rules* are those that shall be."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it is made of
        self,
        log: EventLog,
        outlooks: Outlooks,
        rules: Rules,
        queue_depth: QueueDepth,
        telemetry: Telemetry,
        on_retry: OnRetry,
    ) -> None:
        self._log = log
        self._outlooks = outlooks
        self._rules = rules
        self._queue_depth = queue_depth
        self._telemetry = telemetry
        self._on_retry = on_retry
        self._empty_since_us: dict[Direction, int | None] = dict.fromkeys(Direction)
        self._decided: dict[Direction, int] = dict.fromkeys(Direction, 0)

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
        depths = [await self._queue_depth(direction) for direction in Direction]
        state = await self._log.state()
        for direction, depth in zip(Direction, depths, strict=True):
            since_us = self._empty_since_us[direction]
            self._empty_since_us[direction] = None if depth != 0 else state.now_us if since_us is None else since_us
        outlook = await self._outlook_at(state.position)
        dues_us = [await self._attend(direction, state, outlook) for direction in Direction]
        lateness_us = outlook.clock.rules[-1].allowed_lateness_us
        most = min(LOOK_SECONDS_MAX, max(LOOK_SECONDS_MIN, lateness_us / SECOND_US / 2))
        next_us = min((due_us for due_us in dues_us if due_us is not None), default=state.now_us + SECOND_US)
        return min(most, max(LOOK_SECONDS_MIN, (next_us - state.now_us) / SECOND_US))

    async def _outlook_at(self, position: int) -> Outlook:
        """Return the outlook when the projection has reached *position*, or after a moment as it is."""
        for _ in range(int(CATCH_UP_SECONDS / CATCH_UP_LOOK_SECONDS)):
            outlook = await self._outlooks.outlook()
            if outlook.checkpoint >= position:
                return outlook
            await asyncio.sleep(CATCH_UP_LOOK_SECONDS)
        return await self._outlooks.outlook()

    async def _attend(self, direction: Direction, state: LogState, outlook: Outlook) -> int | None:
        """Advance the watermark of *direction* if it is time, and return when it will be (microseconds)."""
        waiting = outlook.waiting[direction]
        if not waiting or outlook.checkpoint < self._decided[direction]:
            return None
        lateness_us = outlook.clock.rules[-1].allowed_lateness_us
        releasable_us = waiting[0].due_us + lateness_us + 1
        if releasable_us > state.now_us:
            return releasable_us
        silent_us = self._silent_at(direction, state, outlook.clock.rules[-1])
        if silent_us is not None and silent_us <= state.now_us and outlook.checkpoint >= state.position:
            return await self._decide(direction, state, "silence")
        pending_us = await self._pending_too_long_at(waiting, state, outlook)
        if pending_us <= state.now_us:
            return await self._decide(direction, state, "hold_max")
        return pending_us if silent_us is None else min(pending_us, silent_us)

    def _silent_at(self, direction: Direction, state: LogState, rules: Rules) -> int | None:
        """Return when *direction* will have been silent, and its queue empty, for the whole grace."""
        empty_since_us = self._empty_since_us[direction]
        if empty_since_us is None:
            return None
        last_us = state.latest_of(CATEGORIES[direction]).recorded_at_us
        return max(last_us, empty_since_us) + rules.silence_grace_us

    async def _pending_too_long_at(self, waiting: list[Waiting], state: LogState, outlook: Outlook) -> int:
        """Return when the first of *waiting* will have been pending for ``hold_max``.

        It counts from its due time, or from the recording of its plate's last sighting if that is later: what comes
        late is not pending for long yet. A projection that lags behind goes by the time that it has got to.
        """
        rules = outlook.clock.rules[-1]
        behind_us = 0 if outlook.checkpoint >= state.position else state.now_us - outlook.clock.recorded_at_us
        patience_us = rules.hold_max_us + max(0, behind_us)
        due_us = [one.due_us + rules.allowed_lateness_us + patience_us for one in waiting]
        late = [one.plate for one, at_us in zip(waiting, due_us, strict=True) if at_us <= state.now_us]
        if not late:
            return due_us[0]
        positions = await self._outlooks.latest_positions(late)
        if not positions:
            return state.now_us + SECOND_US
        return await self._recorded_at_us(min(positions)) + patience_us

    async def _recorded_at_us(self, position: int) -> int:
        try:
            (record,) = await self._log.read(position - 1, 1)
        except GapError:  # It is archived: recorded long ago.
            return 0
        return record.recorded_at_us

    async def _decide(self, direction: Direction, state: LogState, because: Literal["silence", "hold_max"]) -> int:
        """Decide that *direction* has reported all up to now, unless it has reported meanwhile."""
        decision = WatermarkAdvanced(direction, state.now_us, because, state.position)
        unless_after = (CATEGORIES[direction],), state.position
        outcome = await self._log.decide(
            wire.WATERMARK_ADVANCED, decision.id, wire.encode(decision), unless_after=unless_after
        )
        if not isinstance(outcome, Overtaken):
            self._decided[direction] = outcome.position
        if isinstance(outcome, Appended):
            self._telemetry.add(names.DECISIONS, direction=direction.name.lower(), reason=because)
        return state.now_us
