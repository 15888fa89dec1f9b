"""Event ids: UUIDv7 (RFC 9562), so that ids sort by the time at which they were made."""

import os
from uuid import UUID

_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
_RANDOM = ((1 << 12) - 1) << 64 | ((1 << 62) - 1)


def event_id(at_us: int, randomness: bytes | None = None) -> str:
    """Return a UUIDv7 for *at_us* (microseconds since 1970); *randomness* is 10 bytes, by default the system's."""
    random = int.from_bytes(randomness or os.urandom(10)) & _RANDOM
    return str(UUID(int=(at_us // 1000 & (1 << 48) - 1) << 80 | _VERSION_AND_VARIANT | random))
