"""One exit with a camera model, from the generator to the summary line and a panel; prints what came out as JSON.

It runs in a copy of the tree to which docs/changing-events.md was applied.
"""

import json
import sys

from parkstream_backend.project.follower import model_of
from parkstream_definitions.documents import documents
from parkstream_events import wire
from parkstream_events.sightings import VehicleEntered, moment_of
from parkstream_exit_generator.app import CAMERA_MODEL, exited
from parkstream_exit_generator.departures import ExitCamera
from parkstream_generators.faults import Faults
from parkstream_generators.gates import Gates
from parkstream_generators.intents import Car
from parkstream_generators.matched_share import Matching
from parkstream_generators.passages import Passages
from parkstream_projection.codec import encode_item
from parkstream_summary_api.core.ledger import kept_of
from parkstream_telemetry import names
from parkstream_visits import RULES_VERSION, Fold, RecordedEvent, State, summary_of

ENTERED_US = 1_772_352_000_000_000
LEFT_US = ENTERED_US + 60_000_000


def main() -> None:
    """Let a car come and leave."""
    camera = ExitCamera(1, Matching(1.0, 1, exact=True), Passages(exited, Gates(), Faults()))
    (intent,) = camera.see([Car("in", "CAR1", ENTERED_US)], 0, LEFT_US).intents
    left = wire.decode_sighting("vehicle.exited.v3", intent.body.encode())
    fold = Fold(State())
    fold.fold(RecordedEvent(1, ENTERED_US, None, None, VehicleEntered("in", "CAR1", moment_of(ENTERED_US))))
    (emitted,) = fold.fold(RecordedEvent(2, LEFT_US, None, None, left))
    plate = fold.state.plates["CAR1"]
    item = summary_of(emitted)
    answer = {
        "sent": json.loads(intent.body)["camera_model"],
        "wanted": CAMERA_MODEL,
        "item": json.loads(encode_item(item))["camera_model"],
        "line": json.loads(wire.encode(kept_of(item)))["camera_model"],
        "metric": model_of(emitted),
        "panels": json.dumps(documents()).count(names.ATTRIBUTE_CAMERA_MODEL.name),
        "rules_version": RULES_VERSION,
        "kept": plate.sightings[-1].camera_model,
        "version_1": wire.decode_sighting(
            "vehicle.exited.v1", b'{"id":"1","vehicle_plate":"A","exit_date_time":"2026-11-24T09:30:00Z"}'
        ).camera_model,
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
