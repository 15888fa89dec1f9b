"""The steps of a car's trace, in order; and what every span of a kind must carry, by semantic conventions 1.44."""

from parkstream_telemetry.kinds import Kind, Span
from parkstream_telemetry.names import attributes as a

SCHEMA_URL = "https://opentelemetry.io/schemas/1.44.0"

SPAN_PUBLISH = Span(
    "publish {destination}",
    Kind.PRODUCER,
    "every publisher",
    "From a publish to its confirm. An exit's links to its car's entry.",
    (
        a.ATTRIBUTE_MESSAGING_SYSTEM,
        a.ATTRIBUTE_OPERATION_NAME,
        a.ATTRIBUTE_OPERATION_TYPE,
        a.ATTRIBUTE_DESTINATION,
        a.ATTRIBUTE_ROUTING_KEY,
        a.ATTRIBUTE_MESSAGE_ID,
        a.ATTRIBUTE_BODY_SIZE,
        a.ATTRIBUTE_GATE,
        a.ATTRIBUTE_ERROR_TYPE,
    ),
)
SPAN_PROCESS = Span(
    "process {destination}",
    Kind.CONSUMER,
    "parkstream-backend",
    "From a delivery to its being settled; child of the publish.",
    (
        *SPAN_PUBLISH.attributes,
        a.ATTRIBUTE_PLATE_HASH,
        a.ATTRIBUTE_OUTCOME,
        a.ATTRIBUTE_REDELIVERED,
        a.ATTRIBUTE_POSITION,
    ),
)
SPAN_PROJECT = Span(
    "project",
    Kind.INTERNAL,
    "parkstream-backend",
    "Folding a record into its visit, to the commit; child of the process. Emitted again after a switch, it is the"
    " first of a trace of its own, with a link to the process.",
    (a.ATTRIBUTE_POSITION, a.ATTRIBUTE_PLATE_HASH, a.ATTRIBUTE_OUTCOME, a.ATTRIBUTE_VISIT_ID, a.ATTRIBUTE_REVISION),
)
SPAN_DELIVER = Span(
    "deliver",
    Kind.CLIENT,
    "parkstream-backend",
    "From taking a summary out of the outbox to the server's answer; child of the project.",
    (
        a.ATTRIBUTE_VISIT_ID,
        a.ATTRIBUTE_REVISION,
        a.ATTRIBUTE_OUTBOX_ID,
        a.ATTRIBUTE_STATUS,
        a.ATTRIBUTE_BATCH_COUNT,
        a.ATTRIBUTE_HTTP_METHOD,
        a.ATTRIBUTE_HTTP_STATUS,
        a.ATTRIBUTE_RESEND_COUNT,
        a.ATTRIBUTE_SERVER_ADDRESS,
        a.ATTRIBUTE_SERVER_PORT,
        a.ATTRIBUTE_ERROR_TYPE,
    ),
)
SPAN_ATTEMPT = Span(
    "deliver attempt",
    Kind.CLIENT,
    "parkstream-backend",
    "One POST that failed and is made again; child of the deliver of a lone summary, else of none with links to all.",
    (
        a.ATTRIBUTE_BATCH_COUNT,
        a.ATTRIBUTE_HTTP_METHOD,
        a.ATTRIBUTE_HTTP_STATUS,
        a.ATTRIBUTE_RESEND_COUNT,
        a.ATTRIBUTE_SERVER_ADDRESS,
        a.ATTRIBUTE_SERVER_PORT,
        a.ATTRIBUTE_ERROR_TYPE,
    ),
)
SPAN_POST = Span(
    "POST {route}",
    Kind.SERVER,
    "parkstream-summary-api",
    "One request; child of the deliver when it carries one summary, else of none.",
    (
        a.ATTRIBUTE_HTTP_METHOD,
        a.ATTRIBUTE_HTTP_ROUTE,
        a.ATTRIBUTE_HTTP_STATUS,
        a.ATTRIBUTE_URL_SCHEME,
        a.ATTRIBUTE_BATCH_COUNT,
        a.ATTRIBUTE_ERROR_TYPE,
    ),
)
SPAN_WRITE = Span(
    "write",
    Kind.INTERNAL,
    "parkstream-summary-api",
    "Append and fsync of one summary; child of the POST, in a larger batch of its own deliver with a link to the POST.",
    (
        a.ATTRIBUTE_VISIT_ID,
        a.ATTRIBUTE_REVISION,
        a.ATTRIBUTE_OUTCOME,
        a.ATTRIBUTE_STATUS,
        a.ATTRIBUTE_PENDING,
        a.ATTRIBUTE_E2E_DURATION_MS,
        a.ATTRIBUTE_ERROR_TYPE,
    ),
)
SPAN_REPLAY = Span(
    "replay",
    Kind.INTERNAL,
    "parkstream-cli",
    "One run of `parkstream replay`; in a trace of its own.",
    (a.ATTRIBUTE_MODE, a.ATTRIBUTE_VERSION, a.ATTRIBUTE_EVENTS, a.ATTRIBUTE_HASH_EQUAL, a.ATTRIBUTE_ERROR_TYPE),
)
SPAN_REPLAY_PART = Span(
    "replay records",
    Kind.INTERNAL,
    "parkstream-cli",
    "Folding up to 10,000 records again; child of the replay, with links to at most 100 of their traces.",
    (a.ATTRIBUTE_POSITION, a.ATTRIBUTE_EVENTS),
)
