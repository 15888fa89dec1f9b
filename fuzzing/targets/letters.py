"""Messages with properties that no client writes: refused, buried as dead letters, listed, and published again."""

import struct
from datetime import datetime
from random import Random
from typing import Any, Final

from aio_pika import IncomingMessage
from aiormq.abc import DeliveredMessage
from pamqp import frame
from pamqp.commands import Basic
from pamqp.header import ContentHeader
from parkstream_devtools.faults.raw_amqp import BASIC, FLAGS, field, nested_table, short_string, table
from parkstream_events import topology, wire
from parkstream_messaging.batch_subscriber import Delivery
from parkstream_messaging.dead_letters import Letter
from parkstream_messaging.letter import PROPERTIES, letter_of
from parkstream_messaging.redrive import can_be_published, original
from parkstream_messaging.tolerance import tolerate_properties

from fuzzing.mutation import NUMBERS, TEXTS
from fuzzing.target import Target, promise
from fuzzing.targets.events import CAMERAS, SIGHTINGS, delivered, sighted

TRACEPARENT: Final = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_SHORT: Final = {"headers", "delivery_mode", "priority", "timestamp", "expiration"}
FIXED: Final = {
    b"I": 4,
    b"l": 8,
    b"d": 8,
    b"f": 4,
    b"T": 8,
    b"D": 5,
    b"t": 1,
    b"V": 0,
    b"b": 1,
    b"s": 2,
    b"u": 2,
    b"i": 4,
}
"""Kinds of headers with the length of their values."""
NAMES: Final = [
    *(topology.PUBLISHED_AT_HEADER, topology.REASON_HEADER, topology.DETAIL_HEADER, topology.ORIGINAL_QUEUE_HEADER),
    *(topology.LEFT_OUT_HEADER, "traceparent", "tracestate", "CC", "BCC", "x-death", "x-first-death-queue", "x", ""),
]


def _message(properties: dict[str, bytes], body: bytes) -> bytes:
    """Return a content header with *properties* (encoded), and the body behind it."""
    values = b"".join(properties[name] for name in FLAGS if name in properties)
    content = struct.pack(">HHQH", BASIC, 0, len(body), sum(FLAGS[name] for name in properties)) + values
    return struct.pack(">BHI", 2, 1, len(content)) + content + b"\xce" + body


def _made(rng: Random, body: bytes) -> bytes:
    """Return *body* with properties that RabbitMQ lets through: framed well, whatever is in them."""
    names = [name for name in FLAGS if rng.random() < 0.3]
    return _message({name: _property(rng, name) for name in names}, body)


def _property(rng: Random, name: str) -> bytes:
    match name:
        case "headers":
            return _headers(rng)
        case "timestamp":
            return rng.choice((rng.randbytes(8), struct.pack(">Q", rng.randrange(2**34))))
        case "expiration":
            return short_string(str(rng.randrange(2**32)).encode())
        case "delivery_mode" | "priority":
            return rng.randbytes(1)
        case _:
            return short_string(_text(rng)[:255])


def _text(rng: Random) -> bytes:
    known = [type_.encode() for type_ in SIGHTINGS]
    return rng.choice((rng.choice(known), rng.choice(TEXTS), rng.choice(TEXTS) * 30, rng.randbytes(rng.randrange(255))))


def _headers(rng: Random) -> bytes:
    if rng.random() < 0.05:
        return rng.choice(
            (table(rng.randbytes(rng.randrange(200))), nested_table(rng.choice((20, 48, 60, 500, 1_500))))
        )
    return table(b"".join(_header(rng) for _ in range(rng.randrange(8))))


def _header(rng: Random) -> bytes:
    name = rng.choice((rng.choice(NAMES).encode(), rng.randbytes(rng.randrange(1, 40))))
    if rng.random() < 0.5:
        kind = rng.choice(list(FIXED))
        return field(name, kind, rng.randbytes(FIXED[kind]))
    value = rng.choice(
        (TRACEPARENT, rng.choice(TEXTS), rng.choice(NUMBERS), rng.choice(list(topology.WORK_QUEUES)).encode())
    )
    value *= rng.choice((1, 1, 1, 1, 40))
    return field(name, b"S", struct.pack(">I", len(value)) + value)


def _check(data: bytes) -> bool:
    tolerate_properties()
    try:
        size, _, header = frame.unmarshal(data)
        assert isinstance(header, ContentHeader)
    except Exception:  # noqa: BLE001 - RabbitMQ would have hung up on who sends such a frame
        return False
    delivery = _delivery(header, data[size:])
    for camera in CAMERAS:
        if sighted(camera, delivery):
            return True
        _buried(delivery, camera.queue)
    return False


def _delivery(header: Any, body: bytes) -> Delivery:  # noqa: ANN401 - pamqp's classes are not typed
    found = header.properties
    plain = delivered(found.message_type, body, found, {} if found.headers is None else found.headers)
    return plain._replace(message_id=found.message_id)


def _buried(delivery: Delivery, queue: str) -> None:
    """Bury it, look at it as the command line does, and publish it again."""
    letter = letter_of(delivery, queue, "not_json", "why")
    promise(letter.body == delivery.body, "a letter has the body of its message")
    again = _received(letter.properties.marshal(), letter.body)
    shown = Letter.of(again)
    promise((shown.reason, shown.queue) == ("not_json", queue), "a letter says why, and from which queue")
    back = original(again)
    if shown.is_impossible or not can_be_published(back):
        return
    lost = set(str(again.headers.get(topology.LEFT_OUT_HEADER, "")).split(","))
    for name, called in PROPERTIES.items():  # aio-pika knows no empty text, and writes 0 for no priority.
        promise(
            called in lost or _same(getattr(back.properties, name), getattr(delivery.properties, name)),
            f"{called} is as it was published",
        )


def _same(one: object, other: object) -> bool:
    """Whether it says the same; a timestamp to the second, which is all that AMQP has."""
    if isinstance(one, datetime) and isinstance(other, datetime):
        return one == other.replace(microsecond=0)
    return (one or None) == (other or None)


def _received(properties: bytes, body: bytes) -> IncomingMessage:
    header = ContentHeader(0, len(body), Basic.Properties())
    header.properties.unmarshal(struct.unpack(">H", properties[:2])[0], properties[2:])
    channel: Any = None
    return IncomingMessage(DeliveredMessage(Basic.GetOk(1, False, "", "", 0), header, body, channel), no_ack=True)  # noqa: FBT003


TARGETS: Final = (
    Target(
        name="letters",
        about="messages with odd properties, as dead letters and back",
        samples=(b"{", b"", wire.encode(SIGHTINGS[wire.ENTERED]), wire.encode(SIGHTINGS[wire.EXITED])),
        finish=_made,
        check=_check,
        calls_per_byte=200,
        weight=1.5,
    ),
)
