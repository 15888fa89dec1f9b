"""Records to recorded events, state to bytes and back, revisions to summaries."""

from collections.abc import Callable, Iterable
from typing import Final

import msgspec
from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.decisions import VisitsRestated
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.summaries import SummaryItem
from parkstream_events.wire import UnreadableError
from parkstream_visits import Clock, Emitted, Plate, RecordedEvent, State, Unreadable, summary_of

from parkstream_projection.state_hash import MODULUS, clock_hash, encode, entity_hash, hash_text

encode_item: Final[Callable[[SummaryItem], bytes]] = msgspec.json.Encoder().encode
decode_plate: Final = msgspec.msgpack.Decoder(Plate).decode
_decode_clock: Final = msgspec.msgpack.Decoder(Clock).decode


def decode_clock(encoded: bytes, aside: bytes | None = None) -> Clock:
    """Return the clock with what is kept *aside*; without it only the digest of that is known."""
    clock = _decode_clock(encoded)
    clock.take_aside(aside)
    return clock


def aside_of(clock: Clock) -> bytes:
    """Return what is kept beside *clock*; nothing when it is empty."""
    return clock.aside


def recorded_event_of(record: Record) -> RecordedEvent:
    """Return *record*, decoded; one that cannot be read is ``Unreadable``."""
    try:
        event = wire.decode(record.type, record.body)
    except UnreadableError as error:
        unreadable = Unreadable(record.type, error.reason, error.detail)
        return RecordedEvent(
            record.position, record.recorded_at_us, record.published_at_us, record.traceparent, unreadable
        )
    return RecordedEvent(record.position, record.recorded_at_us, record.published_at_us, record.traceparent, event)


def plates_in(recorded: RecordedEvent) -> Iterable[str]:
    """Return the plates that *recorded* names."""
    match recorded.event:
        case VehicleEntered() | VehicleExited():
            return (recorded.event.vehicle_plate,)
        case VisitsRestated():
            return [visit.vehicle_plate for visit in recorded.event.visits]
        case _:
            return ()


def item_of(emitted: Emitted) -> bytes:
    """Return the summary of *emitted* as the outbox holds it, without its trace context."""
    return encode_item(summary_of(emitted))


def state_hash(state: State) -> str:
    """Return the hash of a whole *state*; the timers follow from the plates."""
    total = clock_hash(encode(state.clock))
    for name, plate in state.plates.items():
        total += entity_hash(name, encode(plate))
    return hash_text(total % MODULUS)
