"""What the log holds, as the projection folds it, and as a line of an export or archive."""

from typing import Any, Final

import msgspec
from parkstream_eventlog import Record
from parkstream_eventlog.transfer.json_lines import LineError, line_of, record_and_log_of, record_of, records_of
from parkstream_events import wire
from parkstream_events.decisions import (
    Gate,
    RecordAcknowledged,
    RestatedVisit,
    RulesChanged,
    VisitsRestated,
    WatermarkAdvanced,
)
from parkstream_events.sightings import Direction
from parkstream_events.units import SECOND_US
from parkstream_projection import Present, recorded_event_of, state_hash
from parkstream_projection.codec import encode_item
from parkstream_projection.state_hash import encode
from parkstream_visits import Clock, Fold, Plate, State, Unreadable, summary_of, visits_of

from fuzzing.target import Target, promise
from fuzzing.targets.events import NOW_US, PLATE, SEPARATOR, SIGHTINGS

BETWEEN: Final = b"\x1e"
"""Between the records of one input."""
DECISIONS: Final[dict[str, Any]] = {
    wire.RULES_CHANGED: RulesChanged(
        10 * SECOND_US, 86_400 * SECOND_US, 2 * SECOND_US, 5 * SECOND_US, 60 * SECOND_US, 7 * 86_400 * SECOND_US, 0
    ),
    wire.WATERMARK_ADVANCED: WatermarkAdvanced([Gate(way) for way in Direction], NOW_US, "silence", 2),
    wire.RECORD_ACKNOWLEDGED: RecordAcknowledged(1, "a broken camera"),
    wire.VISITS_RESTATED: VisitsRestated(2, 3, 1, [RestatedVisit(PLATE, f"exit:out-1@{NOW_US}", 1)]),
}
BODIES: Final = {
    type_: type_.encode() + SEPARATOR + wire.encode(event) for type_, event in (SIGHTINGS | DECISIONS).items()
}
HISTORIES: Final = (
    [wire.RULES_CHANGED, wire.ENTERED, wire.EXITED, wire.WATERMARK_ADVANCED],
    [wire.EXITED, wire.EXITED_V2, wire.WATERMARK_ADVANCED, wire.VISITS_RESTATED],
    [wire.ENTERED, wire.RECORD_ACKNOWLEDGED, wire.ENTERED_V2, wire.WATERMARK_ADVANCED],
)


def _records(data: bytes) -> list[Record]:
    parts = [part.partition(SEPARATOR) for part in data.split(BETWEEN)]
    return [
        Record(
            position, type_.decode(errors="replace"), f"id-{position}", body, NOW_US + position * SECOND_US, None, None
        )
        for position, (type_, _, body) in enumerate(parts, 1)
    ]


def _folded(data: bytes) -> bool:
    """Fold the records; what comes of them can be kept, shown and summarised."""
    state, readable = State(), False
    fold = Fold(state)
    for record in _records(data):
        recorded = recorded_event_of(record)
        readable = readable or not isinstance(recorded.event, Unreadable)
        for emitted in fold.fold(recorded):
            msgspec.json.decode(encode_item(summary_of(emitted)))
        promise(msgspec.msgpack.decode(encode(state.clock), type=Clock) == state.clock, "the clock can be kept")
        present = Present(record.position, state_hash(state), state.clock)
        wire.encode([present.watermark, present.gates])
    for plate in state.plates.values():
        promise(msgspec.msgpack.decode(encode(plate), type=Plate) == plate, "a plate can be kept")
        visits_of(plate.sightings, state.clock.rules)
    return readable


def _line(data: bytes) -> bool:
    try:
        record, log_id = record_and_log_of(data)
    except LineError:
        return False
    line = line_of(record, log_id or None)
    promise(line.count(b"\n") == 1 and line.endswith(b"\n"), "a record is one line")
    promise(record_and_log_of(line) == (record, log_id), "a record comes back from its line")
    promise(records_of(line + line_of(record)) == [record, record_of(line)], "many lines are read as one is")
    recorded_event_of(record)
    return True


RECORD: Final = Record(
    7, wire.ENTERED, "in-1", wire.encode(SIGHTINGS[wire.ENTERED]), NOW_US, NOW_US - 5, "00-" + "a" * 52
)
TARGETS: Final = (
    Target(
        name="records",
        about="records of sightings and decisions, as the projection folds them",
        samples=tuple(BETWEEN.join(BODIES[type_] for type_ in types) for types in HISTORIES),
        check=_folded,
        calls_per_byte=200,
        weight=1.5,
    ),
    Target(
        name="lines",
        about="lines of exports and archives, one by one",
        samples=(line_of(RECORD), line_of(RECORD, "log-1"), line_of(RECORD._replace(body=b"\xff\0", traceparent=None))),
        check=_line,
        weight=8,
    ),
)
