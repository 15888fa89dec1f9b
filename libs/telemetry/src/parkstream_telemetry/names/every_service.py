"""What every service emits."""

from parkstream_service.refusals import Refusal

from parkstream_telemetry.kinds import SECONDS, Attribute, Event, Metric
from parkstream_telemetry.names import attributes as a

PROCESS_DURATION = Metric(
    "messaging.process.duration",
    "histogram",
    "s",
    "From taking a batch of deliveries to its being settled or refused.",
    (a.ATTRIBUTE_MESSAGING_SYSTEM, a.ATTRIBUTE_DESTINATION, a.ATTRIBUTE_OPERATION_NAME, a.ATTRIBUTE_ERROR_TYPE),
    SECONDS,
)
PUBLISH_DURATION = Metric(
    "messaging.client.operation.duration",
    "histogram",
    "s",
    "From a publish to its confirm.",
    (a.ATTRIBUTE_MESSAGING_SYSTEM, a.ATTRIBUTE_DESTINATION, a.ATTRIBUTE_OPERATION_NAME, a.ATTRIBUTE_ERROR_TYPE),
    SECONDS,
)
SENT_MESSAGES = Metric(
    "messaging.client.sent.messages",
    "counter",
    "{message}",
    "Messages published, confirmed or with the error that prevented it.",
    (a.ATTRIBUTE_MESSAGING_SYSTEM, a.ATTRIBUTE_DESTINATION, a.ATTRIBUTE_OPERATION_NAME, a.ATTRIBUTE_ERROR_TYPE),
)
CONSUMED_MESSAGES = Metric(
    "messaging.client.consumed.messages",
    "counter",
    "{message}",
    "Messages delivered to us.",
    (a.ATTRIBUTE_MESSAGING_SYSTEM, a.ATTRIBUTE_DESTINATION, a.ATTRIBUTE_OPERATION_NAME, a.ATTRIBUTE_ERROR_TYPE),
)
STAGE_DURATION = Metric(
    "parking.stage.duration",
    "histogram",
    "s",
    "Time that a part of an event's way took, to 1 % of each bucket's bound.",
    (a.ATTRIBUTE_STAGE,),
    SECONDS,
)
TELEMETRY_DROPPED = Metric(
    "parking.telemetry.dropped",
    "counter",
    "{item}",
    "Spans and log records that no receiver took.",
    (a.ATTRIBUTE_SIGNAL, a.ATTRIBUTE_REASON),
)
TELEMETRY_EXPORTED = Metric(
    "parking.telemetry.exported",
    "counter",
    "{item}",
    "Spans and log records that the receiver took.",
    (a.ATTRIBUTE_SIGNAL,),
)
TELEMETRY_WAITING = Metric(
    "parking.telemetry.waiting",
    "gauge",
    "{item}",
    "Spans and log records that wait for their export.",
    (a.ATTRIBUTE_SIGNAL,),
)
HTTP_REFUSED = Metric(
    "parking.http.refused",
    "counter",
    "{request}",
    "Requests and connections that were refused before anybody looked at what they ask: by a limit, or for who asks.",
    (a.ATTRIBUTE_REASON.of(*Refusal),),
)
ACCESS_PROBLEM = Metric(
    "parking.access.problem",
    "gauge",
    "1",
    "1 while there is no credential, or the file of callers cannot be taken; ready says which.",
)
RABBITMQ_NODES_AWAY = Metric(
    "parking.rabbitmq.nodes_away",
    "gauge",
    "{node}",
    "Nodes of the cluster that take no connections from this process; its ready says which.",
)

EVENT_STARTED = Event("service.started", "info", "The service is ready to work.")
EVENT_STOPPED = Event("service.stopped", "info", "The service has finished its work.")
EVENT_WAITING = Event(
    "service.waiting",
    "warning",
    "Something that is needed is away; it is tried again until it is back.",
    (Attribute("parking.dependency", "str", "What is needed."), a.ATTRIBUTE_DETAIL),
)
EVENT_CONNECTED = Event(
    "rabbitmq.connected",
    "info",
    "The service is connected to a node of RabbitMQ; again, when it had lost the one before.",
    (Attribute("parking.node", "str", "The node, as PARKSTREAM_RABBITMQ_URL lists it."),),
)
EVENT_ACCESS = Event(
    "service.access",
    "warning",
    "Who may call: everybody, without a credential; or the file of callers was read again, or cannot be.",
    (a.ATTRIBUTE_DETAIL,),
)
EVENT_STATISTICS = Event(
    "latency.statistics",
    "info",
    "How long each part of an event's way took since the last such line.",
    (Attribute("stages", "str", "Per stage with samples: p50_ms, p95_ms, p99_ms, count."),),
    exported=False,
)
EVENT_LIBRARY = Event(
    "library.logged",
    "warning",
    "A library that we use logged something.",
    (Attribute("logger", "str", "Its logger."), Attribute("message", "str", "Its message.")),
)
EVENT_HTTP_REFUSED = Event(
    "http.refused",
    "warning",
    "Requests were refused because of a limit, or of who sent them; each reason is logged at most once a minute.",
    (Attribute("count", "int", "Requests since the last such line."), a.ATTRIBUTE_REASON),
)
EVENT_PLATE_KEY_MISSING = Event(
    "plate_hash.key_missing",
    "warning",
    "No PARKSTREAM_PLATE_HASH_KEY: plates are hashed with a key that only this process knows.",
)
EVENT_TELEMETRY_DROPPED = Event(
    "telemetry.dropped",
    "warning",
    "The receiver of telemetry is away, slow or refuses it; logged at most once a minute.",
    (a.ATTRIBUTE_SIGNAL, Attribute("count", "int", "Items dropped since the last such line."), a.ATTRIBUTE_REASON),
)
EVENT_TELEMETRY_INVALID = Event(
    "telemetry.invalid",
    "error",
    "Something was to be emitted that names.py does not list, or a gauge failed.",
    (a.ATTRIBUTE_DETAIL,),
)
