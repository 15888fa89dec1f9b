"""Which day a visit belongs to: that of the event that its id names, so that each of its revisions is found there."""

import re
from hashlib import blake2b
from typing import Final

from parkstream_events.units import DAY_US

DAYS_MAX: Final = 3_000_000
"""Later than the year 9999."""
NAME_BYTES: Final = 16
_AT: Final = re.compile(r"(?:entry|exit):.+@([0-9]{1,18})", re.DOTALL)


def day_of(visit_id: str) -> int | None:
    """Return the day (since 1970) of the event in *visit_id*; None for an id that names no time."""
    found = _AT.fullmatch(visit_id)
    day = int(found[1]) // DAY_US if found else DAYS_MAX
    return day if day < DAYS_MAX else None


def name_of(visit_id: str) -> bytes:
    """Return what the index calls *visit_id*: a digest, which is shorter."""
    return blake2b(visit_id.encode(), digest_size=NAME_BYTES).digest()
