"""A record as it is shown: everything for programs, one line for people."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Self

import msgspec
from msgspec import Raw, Struct
from parkstream_eventlog import Record
from parkstream_events.decisions import Decision, RecordAcknowledged, RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited, moment_of
from parkstream_projection import recorded_event_of
from parkstream_visits import RecordedEvent, Unreadable

from parkstream_cli.bodies import as_value
from parkstream_cli.output import at, gate_in_words, lasting


class Shown(Struct, frozen=True, kw_only=True):
    """A record; *body* is its JSON, or a text when it is none."""

    position: int
    type: str
    id: str
    recorded_at: datetime
    published_at: datetime | None
    traceparent: str | None
    unreadable: Unreadable | None
    body: Raw | str

    @classmethod
    def of(cls, record: Record, fact: RecordedEvent) -> Self:
        """Return *record* as it is shown; *fact* is what it says."""
        return cls(
            position=record.position,
            type=record.type,
            id=record.id,
            recorded_at=moment_of(record.recorded_at_us),
            published_at=None if record.published_at_us is None else moment_of(record.published_at_us),
            traceparent=record.traceparent,
            unreadable=fact.event if isinstance(fact.event, Unreadable) else None,
            body=as_value(record.body),
        )


def as_line(record: Record) -> str:
    """Return *record* in one line."""
    said = in_words(recorded_event_of(record))
    return f"{record.position:>9}  {at(record.recorded_at_us)}  {record.type:<22}  {said}  {record.id}"


def in_words(fact: RecordedEvent) -> str:
    """Return what *fact* says."""
    match fact.event:
        case VehicleEntered(vehicle_plate=plate, entry_date_time=moment):
            return f"{plate:<8} in   {moment:%H:%M:%S.%f}"
        case VehicleExited(vehicle_plate=plate, exit_date_time=moment):
            return f"{plate:<8} out  {moment:%H:%M:%S.%f}"
        case Unreadable(reason=reason, detail=detail):
            return f"unreadable: {reason}: {detail}"
        case decision:
            return _decided(decision)


def _decided(decision: Decision) -> str:
    words = _WORDS.get(type(decision))
    return words(decision) if words else msgspec.json.encode(decision).decode()  # One that is younger than its words.


def _watermark(advanced: WatermarkAdvanced) -> str:
    gates = ", ".join(gate_in_words(gate) for gate in advanced.gates) or "no gate"
    return f"{advanced.because}: {gates}; up to {at(advanced.to_us)}"


def _acknowledged(acknowledged: RecordAcknowledged) -> str:
    return f"record {acknowledged.position} is accepted as unreadable: {acknowledged.reason}"


def _rules(rules: RulesChanged) -> str:
    return (
        f"rules: duplicate window {lasting(rules.duplicate_window_us)}, max stay {lasting(rules.max_stay_us)}, "
        f"lateness {lasting(rules.allowed_lateness_us)}, silence grace {lasting(rules.silence_grace_us)}, "
        f"hold max {lasting(rules.hold_max_us)}, finality {lasting(rules.finality_us)}"
    )


_WORDS: dict[type[Decision], Callable[[Any], str]] = {
    WatermarkAdvanced: _watermark,
    RulesChanged: _rules,
    RecordAcknowledged: _acknowledged,
}
