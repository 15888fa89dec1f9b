"""What a timekeeper would have decided, had the rules been others: decided again by the log's own time.

Between two records time passes without a sighting. When a visit could be released then, the watermark that it waits
for is advanced as soon as its direction has been silent for ``silence_grace``, or something was held for ``hold_max``,
as the backend's timekeeper does it. What the log does not hold cannot count: whether messages waited in the queue,
whether a backend was there to decide, how often it looked.
"""

from typing import Final, Literal

from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited

from parkstream_visits.fold import Fact
from parkstream_visits.state import State
from parkstream_visits.timers import SEPARATOR

Because = Literal["silence", "hold_max"]
_STALE_MAX: Final = 1_000


class Reenactment:
    """Decides for *state*, which somebody else folds: ask ``before`` each fact, tell what was ``recorded`` after it."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._reported_us = [0, 0]
        self._latest_us: dict[str, int] = {}
        self._patient_until_us = [0, 0]
        self._rules = 0

    def before(self, fact: Fact) -> Fact | None:
        """Return what was to be decided next before *fact* was recorded, if anything was; fold it, and ask again."""
        is_sighting = isinstance(fact.event, VehicleEntered | VehicleExited)
        until_us = fact.recorded_at_us - is_sighting  # What is recorded at one time, time does not come between.
        found = [decided for way in Direction if (decided := self._decide(way, until_us)) is not None]
        if not found:
            return None
        at_us, way, because = min(found)
        as_of = fact.position - 1
        return Fact(as_of, at_us, None, None, WatermarkAdvanced(way, at_us, because, as_of))

    def recorded(self, fact: Fact) -> None:
        """Note that *fact* was recorded; before the first of the log, nobody knows how long a direction was silent."""
        event = fact.event
        if 0 in self._reported_us:
            self._reported_us = [fact.recorded_at_us] * 2
        if isinstance(event, VehicleEntered | VehicleExited):
            self._reported_us[event.direction] = fact.recorded_at_us
            self._latest_us[event.vehicle_plate] = fact.recorded_at_us
            if len(self._latest_us) > 2 * len(self._state.plates) + _STALE_MAX:
                known = self._state.plates.keys()
                self._latest_us = {name: at_us for name, at_us in self._latest_us.items() if name in known}

    def _decide(self, way: Direction, until_us: int) -> tuple[int, Direction, Because] | None:
        clock = self._state.clock
        rules = clock.rules[-1]
        first_us = self._state.agendas[way].first_due()
        if first_us is None:
            return None
        releasable_us = max(first_us + rules.allowed_lateness_us + 1, clock.recorded_at_us)
        if releasable_us > until_us:
            return None
        silent_us = max(releasable_us, self._reported_us[way] + rules.silence_grace_us)
        if silent_us <= until_us:
            return silent_us, way, "silence"
        held_us = max(releasable_us, self._held_for_too_long_at(way, until_us))
        return (held_us, way, "hold_max") if held_us <= until_us else None

    def _held_for_too_long_at(self, way: Direction, until_us: int) -> int:
        """Return when the first visit has been held for ``hold_max``, or a time after *until_us* that is before that.

        Held counts from when it was due, or from the recording of its plate's last sighting if that is later. All
        that wait are looked at once in ``hold_max`` at most: what is held later is held for that long later.
        """
        clock = self._state.clock
        if len(clock.rules) != self._rules:
            self._rules, self._patient_until_us = len(clock.rules), [0, 0]
        if self._patient_until_us[way] > until_us:
            return self._patient_until_us[way]
        rules = clock.rules[-1]
        latest = self._latest_us
        first_us = min(
            max(due_us + rules.allowed_lateness_us, latest[member.partition(SEPARATOR)[0]])
            for member, due_us in self._state.agendas[way].waiting()
        )
        self._patient_until_us[way] = min(first_us, clock.recorded_at_us) + rules.hold_max_us
        return first_us + rules.hold_max_us
