"""Bytes to events and back: versioned types, one cached decoder each, and the reasons why a message is refused.

The log keeps bodies as they came, for ever, and a shape, once there, never changes. A changed event is the next
version: a line in ``BODIES`` and, where the body is not today's event itself, one in ``_UPCASTS`` with the function
that makes it so. Golden files pin every version's bytes and schema (docs/changing-events.md).
"""

import re
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Any, Final, TypeVar

import msgspec

from parkstream_events.decisions import (
    Decision,
    OperatorActed,
    RecordAcknowledged,
    RulesChanged,
    VisitsRestated,
    WatermarkAdvanced,
)
from parkstream_events.sightings import Sighting, VehicleEntered, VehicleExited
from parkstream_events.versions import VehicleEnteredV2, VehicleExitedV2, entered_of_v2, exited_of_v2

ENTERED = "vehicle.entered.v1"
EXITED = "vehicle.exited.v1"
ENTERED_V2 = "vehicle.entered.v2"
EXITED_V2 = "vehicle.exited.v2"
WATERMARK_ADVANCED = "watermark.advanced.v1"
RULES_CHANGED = "rules.changed.v1"
RECORD_ACKNOWLEDGED = "record.acknowledged.v1"
VISITS_RESTATED = "visits.restated.v1"
BODY_BYTES_MAX = 64 * 1024
DEPTH_MAX = 100
PLACEHOLDERS: Final = frozenset({"UNKNOWN", "NOPLATE"})
"""What cameras say when they could read nothing."""
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for what others wrote: also for text that is no UTF-8, and for what is nested too deep."""

_BodyT = TypeVar("_BodyT")
_SHALLOW_BYTES: Final = 256
_VERSION_OF_SIGHTING: Final = re.compile(r"vehicle\.(entered|exited)\.v[1-9][0-9]{0,4}")
_STRING: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)

encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode


class Refusal(StrEnum):
    """Why a message becomes a dead letter (header ``x-parkstream-reason``)."""

    NOT_JSON = "not_json"
    INVALID_FIELD = "invalid_field"
    TOO_LARGE = "too_large"
    UNKNOWN_TYPE = "unknown_type"
    ID_CONFLICT = "id_conflict"
    NO_PLATE = "no_plate"
    TOO_OLD = "too_old"
    IN_FUTURE = "in_future"
    MISROUTED = "misrouted"


class UnreadableError(Exception):
    """A body that no event can be made of: *reason* for machines, *detail* for people.

    A detail that *quotes* what came goes into the dead letter only, not into logs and traces: it may name a plate.
    """

    def __init__(self, reason: Refusal, detail: str, *, quotes: bool = False) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.public = reason.value if quotes else str(self)


def reader(
    body: type[_BodyT], upcast: Callable[[_BodyT], Sighting | Decision]
) -> Callable[[bytes], Sighting | Decision]:
    """Return what reads another shape: it decodes *body*, and *upcast* makes today's event of it."""
    decoder = msgspec.json.Decoder(body)
    return lambda encoded: upcast(decoder.decode(encoded))


_restated_in: Final = msgspec.json.Decoder(VisitsRestated).decode
_acted_in: Final = msgspec.json.Decoder(OperatorActed).decode


def restated_or_acted(encoded: bytes) -> VisitsRestated | OperatorActed:
    """Return what restates visits, or the act beside one that restates none; what is no act is none."""
    restated = _restated_in(encoded)
    if restated.visits:
        return restated
    try:
        return _acted_in(encoded)
    except ValueError:  # No act of ours; msgspec's errors are such, too.
        return restated


BODIES: Final[dict[str, type[Any]]] = {
    ENTERED: VehicleEntered,
    EXITED: VehicleExited,
    ENTERED_V2: VehicleEnteredV2,
    EXITED_V2: VehicleExitedV2,
    WATERMARK_ADVANCED: WatermarkAdvanced,
    RULES_CHANGED: RulesChanged,
    RECORD_ACKNOWLEDGED: RecordAcknowledged,
    VISITS_RESTATED: VisitsRestated,
}
"""Every version that can be read, and the shape of its body."""
_UPCASTS: Final[dict[str, Callable[[Any], Sighting | Decision]]] = {
    ENTERED_V2: entered_of_v2,
    EXITED_V2: exited_of_v2,
}
_DECODERS: dict[str, Callable[[bytes], Sighting | Decision]] = {
    type_: reader(body, _UPCASTS[type_]) if type_ in _UPCASTS else msgspec.json.Decoder(body).decode
    for type_, body in BODIES.items()
} | {VISITS_RESTATED: restated_or_acted}
_TYPES: dict[type, str] = {
    VehicleEntered: ENTERED,
    VehicleExited: EXITED,
    WatermarkAdvanced: WATERMARK_ADVANCED,
    RulesChanged: RULES_CHANGED,
    RecordAcknowledged: RECORD_ACKNOWLEDGED,
    VisitsRestated: VISITS_RESTATED,
    OperatorActed: VISITS_RESTATED,
}
SIGHTING_TYPES = frozenset({ENTERED, EXITED, ENTERED_V2, EXITED_V2})


def type_of(event: Sighting | Decision) -> str:
    """Return the type, with version, that we write *event* as; what others wrote may be another."""
    return _TYPES[type(event)]


def is_newer(type_: str) -> bool:
    """Return whether *type_* is a version of a sighting that this program does not know, but a newer one may."""
    return type_ not in SIGHTING_TYPES and _VERSION_OF_SIGHTING.fullmatch(type_) is not None


def decode(type_: str, body: bytes) -> Sighting | Decision:
    """Return the event that *body* holds as *type_*; raise ``UnreadableError`` when it holds none."""
    decoder = _DECODERS.get(type_)
    if decoder is None:
        raise UnreadableError(Refusal.UNKNOWN_TYPE, f"no decoder for the type {type_[:80]!r}", quotes=True)
    if len(body) > BODY_BYTES_MAX:
        raise UnreadableError(Refusal.TOO_LARGE, f"{len(body)} bytes; at most {BODY_BYTES_MAX} are taken")
    if len(body) > _SHALLOW_BYTES and _depth(body) > DEPTH_MAX:  # The stack must never decide what can be read.
        raise UnreadableError(Refusal.NOT_JSON, f"nested deeper than {DEPTH_MAX}")
    try:
        return decoder(body)
    except msgspec.ValidationError as error:
        raise UnreadableError(Refusal.INVALID_FIELD, str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableError(Refusal.NOT_JSON, str(error)) from error
    except (ValueError, OverflowError) as error:
        raise UnreadableError(Refusal.INVALID_FIELD, str(error), quotes=True) from error


def decode_sighting(type_: str, body: bytes, placeholders: Collection[str] = PLACEHOLDERS) -> Sighting:
    """Return the sighting in *body*; raise ``UnreadableError`` also for what no camera may send.

    That is a decision, or one of the *placeholders*, in upper case, that stand for a plate that could not be read.
    """
    if type_ not in SIGHTING_TYPES:
        detail = f"a camera sends {', '.join(sorted(SIGHTING_TYPES))}, not {type_[:80]!r}"
        raise UnreadableError(Refusal.UNKNOWN_TYPE, detail, quotes=True)
    event = decode(type_, body)
    assert isinstance(event, VehicleEntered | VehicleExited)
    if event.vehicle_plate in placeholders:
        detail = f"{event.vehicle_plate} stands for a plate that could not be read"
        raise UnreadableError(Refusal.NO_PLATE, detail, quotes=True)
    return event


def _depth(body: bytes) -> int:
    deepest = depth = 0
    for byte in _STRING.sub(b"", body):
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest
