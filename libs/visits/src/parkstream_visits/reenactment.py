"""What a watermark generator would have decided under other rules, by the log's own time.

Between two records time passes without a sighting. When a visit could be released then, that is decided which the
backend's watermark generator decides. What the log does not hold cannot count: whether messages waited in the queue,
whether a backend was there to decide, how often it looked.
"""

from typing import Final

from parkstream_events.decisions import LATEST_US
from parkstream_events.sightings import Direction, VehicleEntered, VehicleExited

from parkstream_visits.recorded_event import RecordedEvent
from parkstream_visits.state import State
from parkstream_visits.timers import SEPARATOR, Timer
from parkstream_visits.watermark_decision import Drained, Due, Overdue, next_decision

_STALE_MAX: Final = 1_000
_WAITING: Final = (Timer.MISSING_ENTRY, Timer.MISSING_EXIT)


class Reenactment:
    """Decides for *state*, which somebody else folds: ask ``before`` each record, then report it to ``recorded``."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._begun_us: int | None = None
        self._latest_us: dict[str, int] = {}
        self._none_until_us = 0
        self._rules = 0

    def before(self, recorded: RecordedEvent) -> RecordedEvent | None:
        """Return what was to be decided next before *recorded*, if anything was; fold it, and ask again."""
        is_sighting = isinstance(recorded.event, VehicleEntered | VehicleExited)
        until_us = recorded.recorded_at_us - is_sighting  # What is recorded at one time, time does not come between.
        due = self._next(until_us)
        if due is None or due.at_us > until_us:
            return None
        as_of = recorded.position - 1
        return RecordedEvent(as_of, due.at_us, None, None, due.decision(due.at_us, as_of))

    def recorded(self, recorded: RecordedEvent) -> None:
        """Note that *recorded* was taken in; before the first record nobody knows how long a gate was silent."""
        event = recorded.event
        if self._begun_us is None:
            self._begun_us = recorded.recorded_at_us
        if isinstance(event, VehicleEntered | VehicleExited):
            self._latest_us[event.vehicle_plate] = recorded.recorded_at_us
            if len(self._latest_us) > 2 * len(self._state.plates) + _STALE_MAX:
                known = self._state.plates.keys()
                self._latest_us = {name: at_us for name, at_us in self._latest_us.items() if name in known}

    def _next(self, until_us: int) -> Due | None:
        clock = self._state.clock
        dues_us = [at_us for kind in _WAITING if (at_us := self._state.timers[kind].first_due()) is not None]
        if not dues_us or min(dues_us) + clock.rules[-1].allowed_lateness_us >= until_us:
            return None
        drained = None if self._begun_us is None else Drained(self._begun_us, LATEST_US)
        return next_decision(clock, min(dues_us), self._overdue(until_us), dict.fromkeys(Direction, drained))

    def _overdue(self, until_us: int) -> Overdue | None:
        """Return what has been pending for ``hold_max`` first, by *until_us*.

        It counts from when the visit was due, or from the recording of its plate's last sighting if that is later. All
        that wait are looked at once in ``hold_max`` at most: what is pending later is pending that long later.
        """
        clock = self._state.clock
        if len(clock.rules) != self._rules:
            self._rules, self._none_until_us = len(clock.rules), 0
        if self._none_until_us > until_us:
            return None
        rules = clock.rules[-1]
        first_us, due_us = min(
            (max(due_us + rules.allowed_lateness_us, self._latest_us[member.partition(SEPARATOR)[0]]), due_us)
            for kind in _WAITING
            for member, due_us in self._state.timers[kind].waiting()
        )
        self._none_until_us = min(first_us, clock.recorded_at_us) + rules.hold_max_us
        return Overdue(first_us + rules.hold_max_us, due_us)
