"""A refused message as a dead letter: as it came, with the reason beside it, and without what cannot be written again.

RabbitMQ looks into no property, so a message may carry what no client can encode: text that is not UTF-8 (read with
replacement characters it may exceed the 255 bytes of a short string), headers nested as deep as somebody likes.
"""

import struct
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, cast

from aio_pika import DeliveryMode, Message
from pamqp import commands, encode
from parkstream_events import topology

from parkstream_messaging.batch_subscriber import Delivery
from parkstream_messaging.tolerance import LostHeaders

DETAIL_LENGTH_MAX: Final = 500
HEADERS_BYTES_MAX: Final = 64 * 1024
"""The headers of a message must fit in one frame, ours included."""
HEADERS_DEPTH_MAX: Final = 50
"""The stack must never decide what can be written."""
ROUTING_HEADERS: Final = {"CC", "BCC"}
"""RabbitMQ would route by them once more."""
PROPERTIES: Final = {
    "content_type": "content_type",
    "content_encoding": "content_encoding",
    "priority": "priority",
    "correlation_id": "correlation_id",
    "reply_to": "reply_to",
    "message_id": "message_id",
    "timestamp": "timestamp",
    "message_type": "type",
    "app_id": "app_id",
}
"""What goes along, in pamqp's words and in those of AMQP: not an expiration, and not another user's name."""
_UNWRITABLE: Final = (TypeError, ValueError, OverflowError, RecursionError, struct.error)


class Kept(NamedTuple):
    """What of a message can be written again; *left_out* names the rest, as AMQP does."""

    properties: dict[str, Any]
    headers: dict[str, Any]
    left_out: list[str]


def letter_of(delivery: Delivery, queue: str, reason: str, detail: str) -> Message:
    """Return the message of *delivery* from *queue*, and why it was refused; a header names what had to be left out."""
    kept = kept_of(delivery.properties, delivery.headers)
    return Message(
        delivery.body,
        headers={
            **kept.headers,
            topology.REASON_HEADER: reason,
            topology.DETAIL_HEADER: writable(detail)[:DETAIL_LENGTH_MAX],
            topology.ORIGINAL_QUEUE_HEADER: queue,
            **({topology.LEFT_OUT_HEADER: ",".join(kept.left_out)} if kept.left_out else {}),
        },
        delivery_mode=DeliveryMode.PERSISTENT,
        **kept.properties,
    )


def kept_of(properties: commands.Basic.Properties, headers: Mapping[str, Any]) -> Kept:
    """Return what a message with *properties* and *headers* can be published with again."""
    found = {name: getattr(properties, name) for name in PROPERTIES}
    lost = [name for name, value in found.items() if value is not None and not _can_be_written(name, value)]
    kept, all_kept = _kept(headers)
    return Kept(
        {PROPERTIES[name]: value for name, value in found.items() if name not in lost},
        kept,
        [PROPERTIES[name] for name in lost] + ([] if all_kept else ["headers"]),
    )


def writable(text: str) -> str:
    """Return *text* without what UTF-8 has no bytes for."""
    return text.encode(errors="replace").decode()


def _can_be_written(name: str, value: Any) -> bool:  # noqa: ANN401 - whatever was decoded
    try:
        commands.Basic.Properties(**{name: value}).marshal()
    except _UNWRITABLE:
        return False
    return True


def _kept(headers: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
    """Return those of *headers* that can be written again (none when they are too large), and whether that is all."""
    kept = {name: value for name, value in headers.items() if _can_be_a_header(name, value)}
    complete = len(kept) == len(headers) and not isinstance(headers, LostHeaders)
    kept = {name: value for name, value in kept.items() if name not in ROUTING_HEADERS}
    return (kept, complete) if len(encode.field_table(kept)) <= HEADERS_BYTES_MAX else ({}, False)


def _can_be_a_header(name: str, value: Any) -> bool:  # noqa: ANN401 - whatever AMQP can hold
    if _is_deeper_than(value, HEADERS_DEPTH_MAX):
        return False
    try:
        encode.field_table({name: value})
    except _UNWRITABLE:
        return False
    return True


def _is_deeper_than(value: object, depth_max: int) -> bool:
    """Walk through *value* level by level, without recursion."""
    level: list[object] = [value]
    for _ in range(depth_max):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return False
    return True


def _inside(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return cast("dict[str, object]", value).values()
    return cast("list[object]", value) if isinstance(value, list) else ()
