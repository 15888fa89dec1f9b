"""What the deck's second slide points at: each part, its file, what to look at there. A test checks it."""

from typing import NamedTuple


class Stop(NamedTuple):
    """One row: *names* are defined in *path*."""

    part: str
    path: str
    names: tuple[str, ...]
    why: str


TOUR = (
    Stop(
        "contract",
        "libs/events/src/parkstream_events/sightings.py",
        ("VehicleEntered", "VehicleExited"),
        "the assignment's JSON as msgspec structs; plates normalised, times kept as UTC",
    ),
    Stop(
        "generators",
        "libs/generators/src/parkstream_generators/publisher.py",
        ("Publisher",),
        "FastStream publisher: confirmed, mandatory, many in flight; a bounded buffer while RabbitMQ is away",
    ),
    Stop(
        "record",
        "apps/backend/src/parkstream_backend/record/subscribers.py",
        ("listen_to_entries", "listen_to_exits"),
        "decorated subscribers of one statement, on a batch subscriber for RabbitMQ (libs/messaging)",
    ),
    Stop(
        "log",
        "libs/eventlog/src/parkstream_eventlog/group_commit.py",
        ("GroupCommit",),
        "what arrives during one Redis call shares the next; a Redis Function finds duplicates and gives positions",
    ),
    Stop(
        "rules",
        "libs/visits/src/parkstream_visits/fold.py",
        ("Fold",),
        "pure: records in, visits out; no clock, no chance, no I/O",
    ),
    Stop(
        "project",
        "libs/projection/src/parkstream_projection/projector.py",
        ("Projector",),
        "visits, outbox, state hash and checkpoint in one fenced Redis Function; loads only what a batch can touch",
    ),
    Stop(
        "deliver",
        "apps/backend/src/parkstream_backend/deliver/deliverer.py",
        ("Deliverer",),
        "batches of 1 to 100 as they come, backoff with jitter, Retry-After; refused summaries are parked",
    ),
    Stop(
        "summary-api",
        "apps/summary-api/src/parkstream_summary_api/summary_file.py",
        ("Journal",),
        "Litestar; append, fdatasync, then the index; idempotent by visit and revision; incomplete lines cut off",
    ),
    Stop(
        "telemetry",
        "libs/telemetry/src/parkstream_telemetry/steps.py",
        ("Steps",),
        "the six spans of a car; every name that may be emitted is listed, anything else fails a test",
    ),
    Stop(
        "SigNoz",
        "signoz/definitions/src/parkstream_definitions/alerts.py",
        ("silent",),
        "dashboards and alerts as types; a provisioner applies them and watches that they stay",
    ),
    Stop(
        "devtools",
        "libs/devtools/src/parkstream_devtools/sandbox.py",
        ("Sandbox",),
        "private RabbitMQ and Redis for demo, tests and benchmarks; cleaned up even after kill -9",
    ),
)
