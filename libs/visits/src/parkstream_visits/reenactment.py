"""What a watermark generator would have decided under other rules, by the log's own time.

Between two records time passes without a sighting. When a visit could be released then, the watermark that it waits
for is advanced as soon as its direction has been silent for ``silence_grace``, or something was pending for
``hold_max``, as the backend's watermark generator does it. What the log does not hold cannot count: whether messages
waited in the queue, whether a backend was there to decide, how often it looked.
"""

from typing import Final, Literal

from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited

from parkstream_visits.recorded_event import RecordedEvent
from parkstream_visits.state import State
from parkstream_visits.timers import SEPARATOR

Because = Literal["silence", "hold_max"]
_STALE_MAX: Final = 1_000


class Reenactment:
    """Decides for *state*, which somebody else folds: ask ``before`` each record, then report it to ``recorded``."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._reported_us = [0, 0]
        self._latest_us: dict[str, int] = {}
        self._none_until_us = [0, 0]
        self._rules = 0

    def before(self, recorded: RecordedEvent) -> RecordedEvent | None:
        """Return what was to be decided next before *recorded*, if anything was; fold it, and ask again."""
        is_sighting = isinstance(recorded.event, VehicleEntered | VehicleExited)
        until_us = recorded.recorded_at_us - is_sighting  # What is recorded at one time, time does not come between.
        found = [decided for way in Direction if (decided := self._decide(way, until_us)) is not None]
        if not found:
            return None
        at_us, way, because = min(found)
        as_of = recorded.position - 1
        return RecordedEvent(as_of, at_us, None, None, WatermarkAdvanced(way, at_us, because, as_of))

    def recorded(self, recorded: RecordedEvent) -> None:
        """Note that *recorded* was taken in; before the first record nobody knows how long a direction was silent."""
        event = recorded.event
        if 0 in self._reported_us:
            self._reported_us = [recorded.recorded_at_us] * 2
        if isinstance(event, VehicleEntered | VehicleExited):
            self._reported_us[event.direction] = recorded.recorded_at_us
            self._latest_us[event.vehicle_plate] = recorded.recorded_at_us
            if len(self._latest_us) > 2 * len(self._state.plates) + _STALE_MAX:
                known = self._state.plates.keys()
                self._latest_us = {name: at_us for name, at_us in self._latest_us.items() if name in known}

    def _decide(self, way: Direction, until_us: int) -> tuple[int, Direction, Because] | None:
        clock = self._state.clock
        rules = clock.rules[-1]
        first_us = self._state.timers[way].first_due()
        if first_us is None:
            return None
        releasable_us = max(first_us + rules.allowed_lateness_us + 1, clock.recorded_at_us)
        if releasable_us > until_us:
            return None
        silent_us = max(releasable_us, self._reported_us[way] + rules.silence_grace_us)
        if silent_us <= until_us:
            return silent_us, way, "silence"
        overdue_us = max(releasable_us, self._pending_too_long_at(way, until_us))
        return (overdue_us, way, "hold_max") if overdue_us <= until_us else None

    def _pending_too_long_at(self, way: Direction, until_us: int) -> int:
        """Return when the first visit has been pending for ``hold_max``, or a time after *until_us* and before that.

        It counts from when the visit was due, or from the recording of its plate's last sighting if that is later. All
        that wait are looked at once in ``hold_max`` at most: what is pending later is pending that long later.
        """
        clock = self._state.clock
        if len(clock.rules) != self._rules:
            self._rules, self._none_until_us = len(clock.rules), [0, 0]
        if self._none_until_us[way] > until_us:
            return self._none_until_us[way]
        rules = clock.rules[-1]
        latest = self._latest_us
        first_us = min(
            max(due_us + rules.allowed_lateness_us, latest[member.partition(SEPARATOR)[0]])
            for member, due_us in self._state.timers[way].waiting()
        )
        self._none_until_us[way] = min(first_us, clock.recorded_at_us) + rules.hold_max_us
        return first_us + rules.hold_max_us
