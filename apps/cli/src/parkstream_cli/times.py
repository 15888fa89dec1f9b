"""Times as people write them on a command line."""

import re
from datetime import UTC, datetime, time
from typing import Final

from parkstream_events.sightings import microseconds, moment_of

from parkstream_cli.errors import MISUSED, ToolError

HELP: Final = "2026-11-27T08:00 (UTC, or with a zone), 08:00 today, or -15m ago (s, m, h, d)."
_AGO: Final = re.compile(r"-(\d{1,9})([smhd])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


def moment_us(text: str, now_us: int) -> int:
    """Return what *text* means at *now_us* (both microseconds since 1970); raise ``ToolError`` when it is no time."""
    if ago := _AGO.fullmatch(text):
        return now_us - int(ago[1]) * _SECONDS[ago[2]] * 1_000_000
    try:
        moment = _moment(text, moment_of(now_us))
    except (ValueError, OverflowError) as error:
        message = f"{text!r} is no time: write {HELP}"
        raise ToolError(message, exit_code=MISUSED) from error
    return microseconds(moment)


def _moment(text: str, now: datetime) -> datetime:
    if "-" not in text and ":" in text:
        return datetime.combine(now.date(), time.fromisoformat(text), tzinfo=UTC)
    moment = datetime.fromisoformat(text)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
