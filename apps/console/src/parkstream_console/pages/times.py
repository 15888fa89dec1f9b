"""How times are written: in the mall's zone, in UTC, or as time ago; the choice is in the URL, and is remembered."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape
from msgspec import Struct
from parkstream_events.sightings import moment_of

COOKIE: Final = "times"
_UNITS: Final = (("d", timedelta(days=1)), ("h", timedelta(hours=1)), ("min", timedelta(minutes=1)))


class Mode(StrEnum):
    """How times are written."""

    MALL = "mall"
    UTC = "utc"
    RELATIVE = "relative"


def mode_of(asked: str | None, remembered: str | None) -> Mode:
    """Return what is *asked* for in the URL, else what is *remembered*, else the mall's zone."""
    known = {mode.value: mode for mode in Mode}
    return known.get(asked or "") or known.get(remembered or "") or Mode.MALL


class Times(Struct, frozen=True):
    """Writes times as *mode* says; *zone* is the mall's, and *now* what relative times are counted from."""

    mode: Mode
    zone: ZoneInfo
    now: datetime

    def clock(self, moment: datetime | None) -> Markup:
        """Return the time of day of *moment*."""
        return self._written(moment, "%H:%M:%S")

    def full(self, moment: datetime | None) -> Markup:
        """Return date and time of *moment*, to the millisecond."""
        return self._written(moment, "%Y-%m-%d %H:%M:%S.%f")

    def label(self, at_us: int) -> str:
        """Return the time of day of *at_us*, for pictures: in words of one length, so never as time ago."""
        zone = UTC if self.mode is Mode.UTC else self.zone
        return moment_of(at_us).astimezone(zone).strftime("%H:%M:%S.%f")[:-3]

    def _written(self, moment: datetime | None, layout: str) -> Markup:
        if moment is None:
            return Markup("&ndash;")
        machine = moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
        zone = UTC if self.mode is Mode.UTC else self.zone
        local = moment.astimezone(zone).strftime(layout)
        if layout.endswith("%f"):
            local = local[:-3]
        shown = ago(self.now - moment) if self.mode is Mode.RELATIVE else local
        title = f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S.%f} {moment.astimezone(zone).tzname()}"
        return Markup('<time datetime="{}" title="{}">{}</time>').format(machine, escape(title), shown)


def ago(passed: timedelta) -> str:
    """Return how long ago that is in one or two units: ``2 d 3 h ago``; ``in 5 s`` when it is yet to come."""
    if passed < timedelta(0):
        return f"in {lasting(-passed)}"
    return f"{lasting(passed)} ago"


def lasting(duration: timedelta) -> str:
    """Return *duration* in its greatest units: ``2 d 3 h``, ``4 min``, ``5 s``."""
    for nth, (unit, length) in enumerate(_UNITS):
        if duration >= length:
            smaller, smaller_length = (*_UNITS, ("s", timedelta(seconds=1)))[nth + 1]
            rest = duration % length // smaller_length
            return f"{duration // length} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{duration.total_seconds():.0f} s"
