"""The attributes of spans, metrics and events; a plate only ever as its keyed hash."""

from parkstream_telemetry.kinds import Attribute

ATTRIBUTE_BATCH_COUNT = Attribute(
    "messaging.batch.message_count", "int", "Messages or items in one batch.", argument="batch_count"
)
ATTRIBUTE_BODY_SIZE = Attribute(
    "messaging.message.body.size", "int", "Length of the body, bytes.", argument="body_size"
)
ATTRIBUTE_DESTINATION = Attribute(
    "messaging.destination.name",
    "str",
    "`{exchange}:{routing key}` of a publish, `{exchange}:{routing key}:{queue}` of a process.",
    argument="destination",
)
ATTRIBUTE_DETAIL = Attribute("parking.detail", "str", "What exactly was wrong, for a person.")
ATTRIBUTE_DIRECTION = Attribute("parking.direction", "str", "`entry` or `exit`.")
ATTRIBUTE_E2E_DURATION_MS = Attribute(
    "parking.e2e.duration_ms",
    "float",
    "From the publishing of the sighting that caused this revision to its line on disk, ms.",
    argument="e2e_duration_ms",
)
ATTRIBUTE_ERROR_TYPE = Attribute(
    "error.type", "str", "Class of the error that ended the operation.", argument="error_type"
)
ATTRIBUTE_EVENTS = Attribute("parking.replay.events", "int", "Records that were folded.", argument="events")
ATTRIBUTE_EVENT_ID = Attribute("parking.event.id", "str", "Id that the camera gave the event.", argument="event_id")
ATTRIBUTE_GATE = Attribute("parking.gate", "str", "Gate at which the camera hangs; none when it names none.")
ATTRIBUTE_HASH_EQUAL = Attribute(
    "parking.replay.hash_equal", "bool", "Whether the state is the live one, bit for bit.", argument="hash_equal"
)
ATTRIBUTE_HTTP_METHOD = Attribute("http.request.method", "str", "Method of the request.", argument="method")
ATTRIBUTE_HTTP_ROUTE = Attribute("http.route", "str", "Template of the path.", argument="route")
ATTRIBUTE_HTTP_STATUS = Attribute("http.response.status_code", "int", "Status of the response.", argument="status_code")
ATTRIBUTE_MESSAGE_ID = Attribute(
    "messaging.message.id", "str", "Id of the message: the event's.", argument="message_id"
)
ATTRIBUTE_MESSAGING_SYSTEM = Attribute("messaging.system", "str", "Always `rabbitmq`.", argument="system")
ATTRIBUTE_MODE = Attribute("parking.replay.mode", "str", "`rebuild` or `check`.")
ATTRIBUTE_OPERATION_NAME = Attribute("messaging.operation.name", "str", "`publish` or `process`.", argument="operation")
ATTRIBUTE_OPERATION_TYPE = Attribute(
    "messaging.operation.type", "str", "`send` or `process`.", argument="operation_type"
)
ATTRIBUTE_OUTBOX_ID = Attribute(
    "parking.outbox.id", "str", "`<position>-<n>` of the outbox entry.", argument="outbox_id"
)
ATTRIBUTE_OUTCOME = Attribute("parking.outcome", "str", "What became of it, in one word.")
ATTRIBUTE_PENDING = Attribute("parking.pending", "bool", "Whether the visit waited for the watermark.")
ATTRIBUTE_PLATE_HASH = Attribute("parking.vehicle.plate_hash", "str", "Keyed hash of the plate.")
ATTRIBUTE_POSITION = Attribute("parking.record.position", "int", "Position of the record in the log.")
ATTRIBUTE_PROBLEM = Attribute("parking.problem", "str", "What is wrong with it, for a person.")
ATTRIBUTE_QUEUE = Attribute("parking.queue", "str", "Queue that the message came from.")
ATTRIBUTE_REASON = Attribute("parking.reason", "str", "Why, in one word.")
ATTRIBUTE_REASONS = Attribute("parking.reasons", "str", "Why, in words separated by commas.")
ATTRIBUTE_REDELIVERED = Attribute("parking.message.redelivered", "bool", "Whether RabbitMQ delivered it before.")
ATTRIBUTE_RESEND_COUNT = Attribute(
    "http.request.resend_count", "int", "How many times it was tried again.", argument="resend_count"
)
ATTRIBUTE_REVISION = Attribute("parking.visit.revision", "int", "Which summary of the visit, from 1.")
ATTRIBUTE_ROUTING_KEY = Attribute("messaging.rabbitmq.destination.routing_key", "str", "Routing key of the message.")
ATTRIBUTE_SERVER_ADDRESS = Attribute("server.address", "str", "Host that was called.", argument="server_address")
ATTRIBUTE_SERVER_PORT = Attribute("server.port", "int", "Port that was called.", argument="server_port")
ATTRIBUTE_SIGNAL = Attribute("parking.telemetry.signal", "str", "`traces`, `metrics` or `logs`.")
ATTRIBUTE_STAGE = Attribute("parking.stage", "str", "Part of an event's way, such as `publish_to_record`.")
ATTRIBUTE_STATUS = Attribute("parking.item.status", "str", "`written`, `duplicate`, `conflict` or `invalid`.")
ATTRIBUTE_TASK = Attribute("parking.task", "str", "Background task, which runs as long as its service.")
ATTRIBUTE_URL_SCHEME = Attribute("url.scheme", "str", "`http` or `https`.", argument="scheme")
ATTRIBUTE_VISIT_ID = Attribute("parking.visit.id", "str", "Id of the visit.", argument="visit_id")
ATTRIBUTE_VERSION = Attribute("parking.projection.version", "int", "Version of the projection.", argument="version")
