"""What cameras publish, as the backend reads it; and the mark, which anybody may read and the backend writes."""

from typing import Any, Final

from pamqp.commands import Basic
from parkstream_backend.record.decoder import Camera, candidate_of
from parkstream_eventlog import Record
from parkstream_eventlog.transfer.json_lines import line_of, record_of
from parkstream_events import marks, topology, wire
from parkstream_events.marks import Mark, MarkError
from parkstream_events.sightings import VehicleEntered, VehicleExited, moment_of
from parkstream_events.versions import CameraPlace, VehicleEnteredV2, VehicleExitedV2
from parkstream_events.wire import UnreadableError
from parkstream_messaging.batch_subscriber import Delivery
from parkstream_projection import recorded_event_of

from fuzzing.target import Target, promise

NOW_US: Final = 1_790_000_000_000_000
NOW: Final = moment_of(NOW_US)
PLATE: Final = "ZQ7PLATE7QZ"
CONTROLS: Final = frozenset(map(chr, [*range(32), *range(127, 160)]))
PLACE: Final = CameraPlace("north", "1")
SIGHTINGS: Final = {
    wire.ENTERED: VehicleEntered("in-1", PLATE, NOW, "north", 0.5),
    wire.EXITED: VehicleExited("out-1", PLATE, NOW),
    wire.ENTERED_V2: VehicleEnteredV2("in-2", PLATE, NOW, PLACE),
    wire.EXITED_V2: VehicleExitedV2("out-2", PLATE, NOW, PLACE, 0.25),
}
SEPARATOR: Final = b"\0"
"""Between the type of a message and its body."""
CAMERAS: Final = (
    Camera(topology.ENTRIES_QUEUE, VehicleEntered, wire.ENTERED, wire.PLACEHOLDERS),
    Camera(topology.EXITS_QUEUE, VehicleExited, wire.EXITED, wire.PLACEHOLDERS),
)
MARK: Final = Mark(mall="mall", log_id="0f8fad5b-d9cb-469f", position=17, since_us=NOW_US)


def delivered(type_: str | None, body: bytes, properties: Any = None, headers: Any = None) -> Delivery:  # noqa: ANN401 - pamqp's
    """Return *body* as RabbitMQ delivers it."""
    channel: Any = None
    return Delivery(channel, 1, False, "", "", type_, None, headers or {}, body, properties or Basic.Properties())  # noqa: FBT003


def sighted(camera: Camera, delivery: Delivery) -> bool:
    """Return whether *camera* sees a sighting in *delivery*; then that is kept byte for byte, and read the same."""
    try:
        seen = camera.read(delivery)
    except UnreadableError as error:
        promise(PLATE not in error.public, "no plate in what is reported of a refusal")
        error.detail.encode(errors="surrogatepass")
        return False
    wanted = candidate_of(seen, camera.type_of(delivery), delivery, None)
    promise(wanted.body is delivery.body, "the body is kept as it came")
    promise(CONTROLS.isdisjoint(seen.id) and seen.id, "an id is printable")
    kept = Record(1, wanted.type, wanted.id, wanted.body, NOW_US, wanted.published_at_us, wanted.traceparent)
    promise(recorded_event_of(kept).event == seen, "the projection reads what was recorded")
    promise(record_of(line_of(kept)) == kept, "a record comes back from its line")
    promise(wire.decode(wire.type_of(seen), wire.encode(seen)) == seen, "a sighting comes back from its JSON")
    return True


def _message(data: bytes) -> bool:
    type_, _, body = data.partition(SEPARATOR)
    delivery = delivered(type_.decode(errors="replace") or None, body)
    taken = [sighted(camera, delivery) for camera in CAMERAS]
    promise(not all(taken), "a message is a sighting of one direction")
    return any(taken)


def _mark(data: bytes) -> bool:
    try:
        found = marks.decode(data)
    except MarkError:
        return False
    promise(marks.decode(marks.encode(found)) == found, "a mark comes back from its JSON")
    promise(marks.log_name_of(found.name.text) == found.name, "a log's name comes back from its text")
    marks.newest_of(found, MARK)
    return True


TARGETS: Final = (
    Target(
        name="messages",
        about="messages of cameras, as the backend's record role reads them",
        samples=tuple(type_.encode() + SEPARATOR + wire.encode(seen) for type_, seen in SIGHTINGS.items()),
        check=_message,
        weight=8,
    ),
    Target(
        name="marks",
        about="marks of the log in RabbitMQ's stream",
        samples=(marks.encode(MARK),),
        check=_mark,
        weight=8,
    ),
)
