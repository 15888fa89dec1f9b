"""What a summary says, in a form that can be hashed and compared, wherever it stands."""

from typing import Any, Final

import msgspec
from msgspec.structs import astuple
from parkstream_events.summaries import Summary
from parkstream_service.foreign_data import UNREADABLE

Content = tuple[Any, ...]
"""The fields of a summary, in their order."""
Pair = tuple[str, int]
"""Visit id and revision."""

NAMES: Final = Summary.__struct_fields__

_POSITION: Final = NAMES.index("position")
_decode: Final = msgspec.json.Decoder(Summary).decode


def content_of(encoded: bytes) -> Content | None:
    """Return what a line of the summary file, or an item of the outbox, says; None when it is no summary."""
    try:
        return astuple(_decode(encoded))
    except UNREADABLE:
        return None


def pair_of(content: Content) -> Pair:
    """Return the visit and revision that *content* is about."""
    return content[0], content[1]


def position_of(content: Content) -> int:
    """Return the position of the record that *content* follows from."""
    position: int = content[_POSITION]
    return position
