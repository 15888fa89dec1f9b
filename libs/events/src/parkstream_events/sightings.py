"""What a camera reports once: a vehicle entered, or a vehicle exited."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Annotated, Final

from msgspec import Meta, Struct
from msgspec.structs import force_setattr

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
PLATE_LENGTH_MAX = 16
"""In characters; marks, which belong to the letter before them, do not count."""
PLATE_MARKED_LENGTH_MAX = 64
"""Marks included."""
GATE_LENGTH_MAX = 64
"""A longer name is none."""

_is_normal: Final = re.compile(f"[A-Z0-9]{{1,{PLATE_LENGTH_MAX}}}").fullmatch
"""Most plates are sent as they are kept."""

EventId = Annotated[str, Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$(?!\n)")]
"""In Python ``$`` matches before a newline at the end, too; in a JSON Schema it does not."""
ZonedTime = Annotated[datetime, Meta(tz=True)]
Confidence = Annotated[float, Meta(ge=0, le=1)]


class Direction(IntEnum):
    """Which way a vehicle passes a camera; entries sort before exits."""

    ENTRY = 0
    EXIT = 1


class VehicleEntered(Struct, frozen=True, omit_defaults=True, tag=False):
    """A vehicle passed an entry camera.

    The plate is normalised and the time kept as UTC when the struct is made.
    Raises ``ValueError`` when the plate is not one (msgspec turns it into a ``ValidationError`` while decoding).
    """

    id: EventId
    vehicle_plate: str
    entry_date_time: ZonedTime
    gate: str | None = None
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        if _is_normal(self.vehicle_plate) is None:
            force_setattr(self, "vehicle_plate", normalised_plate(self.vehicle_plate))
        if self.entry_date_time.tzinfo is not UTC:
            force_setattr(self, "entry_date_time", self.entry_date_time.astimezone(UTC))

    @property
    def direction(self) -> Direction:
        """Always ``ENTRY``."""
        return Direction.ENTRY

    @property
    def event_time(self) -> datetime:
        """When the vehicle passed, as UTC."""
        return self.entry_date_time


class VehicleExited(Struct, frozen=True, omit_defaults=True, tag=False):
    """A vehicle passed an exit camera; see ``VehicleEntered`` for what is checked."""

    id: EventId
    vehicle_plate: str
    exit_date_time: ZonedTime
    gate: str | None = None
    confidence: Confidence | None = None

    def __post_init__(self) -> None:
        if _is_normal(self.vehicle_plate) is None:
            force_setattr(self, "vehicle_plate", normalised_plate(self.vehicle_plate))
        if self.exit_date_time.tzinfo is not UTC:
            force_setattr(self, "exit_date_time", self.exit_date_time.astimezone(UTC))

    @property
    def direction(self) -> Direction:
        """Always ``EXIT``."""
        return Direction.EXIT

    @property
    def event_time(self) -> datetime:
        """When the vehicle passed, as UTC."""
        return self.exit_date_time


Sighting = VehicleEntered | VehicleExited


def normalised_plate(plate: str) -> str:
    """Return *plate* as NFKC, upper case, its letters, marks and digits only; raise ``ValueError`` if none is left.

    Plates of every script are taken. Separators, punctuation, symbols and format characters are how a plate is laid
    out, not what it says, and cameras differ in them.
    """
    if plate.isascii() and plate.isalnum() and len(plate) <= PLATE_LENGTH_MAX:
        return plate.upper()
    kept = plate_characters(plate)
    categories = [unicodedata.category(c)[0] for c in kept]
    length = len(kept) - categories.count("M")
    if not {"L", "N"} & {*categories} or not {*categories} <= {"L", "M", "N"} or length > PLATE_LENGTH_MAX:
        message = f"a plate has 1 to {PLATE_LENGTH_MAX} letters and digits"
        raise ValueError(message)
    if len(kept) > PLATE_MARKED_LENGTH_MAX:
        message = f"a plate has at most {PLATE_MARKED_LENGTH_MAX} characters, marks included"
        raise ValueError(message)
    return kept


def plate_characters(text: str) -> str:
    """Return *text* as NFKC in upper case without what only lays out a plate: of a plate, what it says."""
    folded = _nfkc(_nfkc(text).upper())
    return _nfkc("".join(c for c in folded if not _is_layout(c)))


def _nfkc(text: str) -> str:
    return unicodedata.normalize("NFKC", text)


def _is_layout(character: str) -> bool:
    """Whether *character* separates or decorates: Z, P, S, and Cf of Unicode's categories, and white space."""
    category = unicodedata.category(character)
    return category[0] in "ZPS" or category == "Cf" or character.isspace()


def microseconds(moment: datetime) -> int:
    """Return *moment* (with zone) as microseconds since 1970-01-01 UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(microseconds_since_epoch: int) -> datetime:
    """Return the UTC time that lies *microseconds_since_epoch* after 1970-01-01."""
    return EPOCH + timedelta(microseconds=microseconds_since_epoch)
