"""Times as people write them."""

import re
from datetime import UTC, datetime, time, tzinfo
from typing import Final

from parkstream_events.sightings import microseconds, moment_of

TIME_HELP: Final = "2026-11-27T08:00 (UTC, or with a zone), 08:00 today, or -15m ago (s, m, h, d)."
_AGO: Final = re.compile(r"-(\d{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment_us(text: str, now_us: int, zone: tzinfo = UTC) -> int:
    """Return what *text* means at *now_us* (both microseconds since 1970), in *zone* unless it names another.

    Raises ``ValueError`` when it is no time.
    """
    if ago := _AGO.fullmatch(text):
        return now_us - int(ago[1]) * _SECONDS[ago[2]] * 1_000_000
    try:
        return microseconds(_moment(text, moment_of(now_us).astimezone(zone), zone))
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is no time"
        raise ValueError(message) from error


def _moment(text: str, now: datetime, zone: tzinfo) -> datetime:
    if "-" not in text and ":" in text:
        return datetime.combine(now.date(), time.fromisoformat(text), tzinfo=zone).astimezone(UTC)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
