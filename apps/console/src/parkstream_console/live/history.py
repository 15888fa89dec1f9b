"""What happened in each of the last minutes: from the log for the time before this process, then from the counters."""

from collections import Counter, OrderedDict
from collections.abc import AsyncIterable, Mapping
from typing import Final

from msgspec import Struct
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.units import MINUTE_US
from parkstream_visits import RecordedEvent

MINUTES: Final = 180
COUNTED: Final = ("entered", "exited", "completed", "entry_missed", "exit_missed", "retracted")


class Minute(Struct, frozen=True):
    """What was recorded in the minute that began at *at_us* (microseconds since 1970, UTC)."""

    at_us: int
    entered: int
    exited: int


class History:
    """Counts of the last ``MINUTES``; *begun_us* is since when they are complete."""

    def __init__(self, now_us: int) -> None:
        self.begun_us = now_us
        self.outcomes_begun_us = now_us
        """Since when outcomes are counted: the log does not say them."""
        self.begun_at = 0
        """The position of the last record that was counted before the first look."""
        self._minutes: OrderedDict[int, Counter[str]] = OrderedDict()
        self._last: dict[str, int] | None = None
        self._last_us = self._version = 0

    def look(self, now_us: int, counters: Mapping[str, int], checkpoint: int, version: int) -> None:
        """Take in what was counted since the look before.

        After another *version* of the projection, or more than a minute without a look, all begins anew: nobody knows
        in which minute the difference belongs.
        """
        now = {name: counters[name] for name in COUNTED}
        if self._last is None or version != self._version or now_us - self._last_us > MINUTE_US:
            self._minutes.clear()
            self.begun_us = self.outcomes_begun_us = now_us
            self.begun_at = checkpoint
        else:
            minute = self._minute(now_us // MINUTE_US)
            for name, count in now.items():
                minute[name] += max(0, count - self._last[name])
        self._last, self._last_us, self._version = now, now_us, version
        while self._minutes and next(iter(self._minutes)) <= now_us // MINUTE_US - MINUTES:
            self._minutes.popitem(last=False)

    async def take_in(self, records: AsyncIterable[RecordedEvent], since_us: int) -> None:
        """Take in the *records* from *since_us* until this process began to look, unless it has begun anew since."""
        begun_at = self.begun_at
        async for recorded in records:
            if recorded.position > begun_at or self.begun_at != begun_at:
                break
            minute = self._minute(recorded.recorded_at_us // MINUTE_US)
            if isinstance(recorded.event, VehicleEntered):
                minute["entered"] += 1
            elif isinstance(recorded.event, VehicleExited):
                minute["exited"] += 1
        if self.begun_at == begun_at:
            self.begun_us = since_us
            self._minutes = OrderedDict(sorted(self._minutes.items()))

    def minutes(self, now_us: int, count: int = MINUTES) -> list[Minute]:
        """Return the last *count* minutes, the oldest first."""
        last = now_us // MINUTE_US
        found: list[Minute] = []
        for number in range(last - count + 1, last + 1):
            counted = self._minutes.get(number, Counter[str]())
            found.append(Minute(number * MINUTE_US, counted["entered"], counted["exited"]))
        return found

    def outcomes(self, now_us: int) -> dict[str, int]:
        """Return how many visits had which outcome in the last hour; a visit that was corrected may count twice."""
        last = now_us // MINUTE_US
        hour = [counted for number, counted in self._minutes.items() if number > last - 60]
        return {name: sum(counted[name] for counted in hour) for name in COUNTED[2:]}

    def _minute(self, number: int) -> Counter[str]:
        return self._minutes.setdefault(number, Counter())
