"""What the deck's second slide points at: each part, its file, what to look at there. A test holds it to the code."""

from typing import NamedTuple


class Stop(NamedTuple):
    """One row: *names* are defined in *path*."""

    part: str
    path: str
    names: tuple[str, ...]
    why: str


TOUR = (
    Stop(
        "events: the words",
        "libs/events/src/parkstream_events/sightings.py",
        ("VehicleEntered", "VehicleExited"),
        "the assignment's JSON as msgspec structs; plates normalised, times kept as UTC",
    ),
    Stop(
        "generators",
        "libs/generators/src/parkstream_generators/publisher.py",
        ("Publisher",),
        "FastStream publisher: confirmed, mandatory, in flight together, a bounded buffer while RabbitMQ is away",
    ),
    Stop(
        "record",
        "apps/backend/src/parkstream_backend/record/subscribers.py",
        ("listen_to_entries", "listen_to_exits"),
        "decorated subscribers of one statement, over a batch subscriber for RabbitMQ (batch.py in libs/messaging)",
    ),
    Stop(
        "the log",
        "libs/eventlog/src/parkstream_eventlog/group_commit.py",
        ("GroupCommit",),
        "what arrives while a Redis call is in flight shares the next; functions.lua: duplicates, dense positions",
    ),
    Stop(
        "the rules",
        "libs/visits/src/parkstream_visits/fold.py",
        ("Fold", "reach"),
        "pure: recorded events in, revisions out; no clock, no chance, no I/O; property tests hold it to an oracle",
    ),
    Stop(
        "project",
        "libs/projection/src/parkstream_projection/projector.py",
        ("Projector",),
        "state, outbox, state hash and checkpoint in one fenced Redis Function; loads only what a batch can touch",
    ),
    Stop(
        "deliver",
        "apps/backend/src/parkstream_backend/deliver/deliverer.py",
        ("Deliverer",),
        "natural batches of 1 to 100, backoff, Retry-After, circuit breaker; refused items are parked",
    ),
    Stop(
        "summary-api",
        "apps/summary-api/src/parkstream_summary_api/summary_file.py",
        ("Journal",),
        "Litestar; append, fdatasync, then the index; idempotent by (visit id, revision); torn lines cut back",
    ),
    Stop(
        "telemetry",
        "libs/telemetry/src/parkstream_telemetry/steps.py",
        ("Steps",),
        "the six spans of a car by traceparent, in headers, record, outbox and HTTP; every name is listed",
    ),
    Stop(
        "sandbox",
        "libs/devtools/src/parkstream_devtools/sandbox.py",
        ("Sandbox",),
        "private RabbitMQ and Redis for demo, tests and benchmarks; a guardian cleans up even after kill -9",
    ),
)
