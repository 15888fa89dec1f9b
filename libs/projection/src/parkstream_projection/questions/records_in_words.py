"""What a record says, in one line."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from parkstream_events.decisions import Decision, OperatorActed, RecordAcknowledged, RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_visits import RecordedEvent, Unreadable

from parkstream_projection.questions.words import at, gate_in_words, lasting

ABOUT_SHOWN: Final = 3


def in_words(recorded: RecordedEvent) -> str:
    """Return what *recorded* says."""
    match recorded.event:
        case VehicleEntered(vehicle_plate=plate, entry_date_time=moment, gate=gate):
            return f"{plate:<8} in   {moment:%H:%M:%S.%f}  {gate or ''}".rstrip()
        case VehicleExited(vehicle_plate=plate, exit_date_time=moment, gate=gate):
            return f"{plate:<8} out  {moment:%H:%M:%S.%f}  {gate or ''}".rstrip()
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


def _acted(acted: OperatorActed) -> str:
    act = acted.act
    named = f" ({', '.join(act.about[:ABOUT_SHOWN])}{', …' if act.count > ABOUT_SHOWN else ''})" if act.about else ""
    return f"{act.who} {act.what}{named}: {act.why}"


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
    OperatorActed: _acted,
}
