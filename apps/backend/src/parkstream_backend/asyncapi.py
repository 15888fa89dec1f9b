"""The AsyncAPI document of what travels through RabbitMQ (``docs/asyncapi.json``).

FastStream cannot describe msgspec structs (its issue 2101), so the document is put together from the same topology and
types that the code uses; a test keeps the file current.
"""

from collections.abc import Sequence
from inspect import cleandoc
from typing import Any

import msgspec
from parkstream_events import topology
from parkstream_events.summaries import TRACEPARENT
from parkstream_events.wire import BODIES, ENTERED, ENTERED_V2, EXITED, EXITED_V2, Refusal

ASYNCAPI_VERSION = "3.0.0"
AMQP_BINDING_VERSION = "0.3.0"
ENTRIES, EXITS = (ENTERED, ENTERED_V2), (EXITED, EXITED_V2)
"""Types by queue; a message that names none is of the first."""
SIGHTING_HEADERS = {
    "type": "object",
    "properties": {
        topology.PUBLISHED_AT_HEADER: {
            "type": "integer",
            "description": "When it was published: microseconds since 1970-01-01, UTC.",
        },
        topology.TRACEPARENT_HEADER: {"type": "string", "pattern": TRACEPARENT, "description": "W3C Trace Context."},
    },
}
DEAD_LETTER_HEADERS = {
    "type": "object",
    "required": [topology.REASON_HEADER, topology.DETAIL_HEADER, topology.ORIGINAL_QUEUE_HEADER],
    "properties": {
        topology.REASON_HEADER: {"type": "string", "enum": [reason.value for reason in Refusal]},
        topology.DETAIL_HEADER: {"type": "string", "description": "What is wrong, for people."},
        topology.ORIGINAL_QUEUE_HEADER: {"type": "string", "enum": list(topology.WORK_QUEUES)},
        topology.LEFT_OUT_HEADER: {
            "type": "string",
            "description": "The properties, separated by commas, that could not be written as they had come.",
        },
    },
}


def document() -> dict[str, Any]:
    """Return the whole document."""
    _, schemas = msgspec.json.schema_components(
        [BODIES[type_] for type_ in (*ENTRIES, *EXITS)], ref_template="#/components/schemas/{name}"
    )
    for schema in schemas.values():
        schema["description"] = cleandoc(schema["description"])  # Python 3.13 does so by itself.
    return {
        "asyncapi": ASYNCAPI_VERSION,
        "info": {
            "title": "Parkstream",
            "version": "1.0.0",
            "description": "What cameras report, and what becomes of a message that is no report.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {"rabbitmq": {"host": "localhost:5672", "protocol": "amqp", "protocolVersion": "0.9.1"}},
        "channels": {
            "entries": _work_channel(topology.ENTRIES_QUEUE, ENTRIES),
            "exits": _work_channel(topology.EXITS_QUEUE, EXITS),
            "deadLetters": _dead_letters_channel(),
        },
        "operations": {
            "recordEntry": _operation("receive", "entries", "Record that a vehicle passed an entry camera."),
            "recordExit": _operation("receive", "exits", "Record that a vehicle passed an exit camera."),
            "refuse": _operation("send", "deadLetters", "Set a message aside, with the reason."),
        },
        "components": {
            "schemas": schemas,
            "messages": {
                **{BODIES[type_].__name__: _sighting(type_) for type_ in (*ENTRIES, *EXITS)},
                "DeadLetter": {
                    "summary": "A refused message, unchanged but for its headers.",
                    "headers": DEAD_LETTER_HEADERS,
                    "payload": {"description": "Whatever was sent."},
                },
            },
        },
    }


def text() -> str:
    """Return the document as it stands in the file."""
    return msgspec.json.format(msgspec.json.encode(document(), order="sorted"), indent=2).decode() + "\n"


def _work_channel(queue: str, types: Sequence[str]) -> dict[str, Any]:
    names = [BODIES[type_].__name__ for type_ in types]
    return {
        "address": topology.WORK_QUEUES[queue],
        "description": f"Routed by {topology.EVENTS_EXCHANGE} to the queue {queue}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"amqp": _exchange(topology.EVENTS_EXCHANGE, "topic")},
    }


def _dead_letters_channel() -> dict[str, Any]:
    return {
        "address": "",
        "description": f"Kept in the queue {topology.DEAD_LETTERS_QUEUE}.",
        "messages": {"DeadLetter": {"$ref": "#/components/messages/DeadLetter"}},
        "bindings": {"amqp": _exchange(topology.DEAD_LETTERS_EXCHANGE, "fanout")},
    }


def _exchange(name: str, type_: str) -> dict[str, Any]:
    exchange = {"name": name, "type": type_, "durable": True, "autoDelete": False, "vhost": "/"}
    return {"is": "routingKey", "exchange": exchange, "bindingVersion": AMQP_BINDING_VERSION}


def _operation(action: str, channel: str, summary: str) -> dict[str, Any]:
    binding = {"ack": True} if action == "receive" else {"deliveryMode": 2, "mandatory": True}
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "bindings": {"amqp": {**binding, "bindingVersion": AMQP_BINDING_VERSION}},
    }


def _sighting(type_: str) -> dict[str, Any]:
    name = BODIES[type_].__name__
    return {
        "name": type_,
        "title": name,
        "contentType": "application/json",
        "headers": SIGHTING_HEADERS,
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": {"amqp": {"messageType": type_, "bindingVersion": AMQP_BINDING_VERSION}},
    }
