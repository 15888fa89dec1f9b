"""Messages that no camera should send, and some do: what a consumer must survive."""

import json
import struct
from typing import Final

from msgspec import Struct

from parkstream_devtools.faults.raw_amqp import field, nested_table, short_string, table

NOT_UTF_8: Final = b"\xe9" * 86
"""86 bytes of Latin-1: a short string that grows beyond 255 bytes when each byte becomes a replacement character."""
PERSISTENT: Final = b"\x02"


class Hostile(Struct, frozen=True, kw_only=True):
    """A message: its body, and encoded properties by name as ``RawPublisher.publish`` takes them."""

    body: bytes
    properties: dict[str, bytes] = {}
    is_sighting: bool = False
    """Whether the body is a good sighting, so that only its properties are odd."""


def sighting(id_: str, plate: str = "HOSTILE1", at: str = "2026-11-29T12:00:00Z", *, way: str = "exit") -> bytes:
    """Return a good body with that id, plate and event time."""
    return json.dumps({"id": id_, "vehicle_plate": plate, f"{way}_date_time": at}).encode()


def hostile_messages(type_: str, id_: str, at: str, *, way: str = "exit") -> dict[str, Hostile]:
    """Return every kind of message by its name; *type_* is that of the queue, *at* an event time of these days."""
    body = sighting(id_, at=at, way=way)
    usual = {
        "delivery_mode": PERSISTENT,
        "type": short_string(type_.encode()),
        "message_id": short_string(id_.encode()),
    }
    return {**_odd_properties(body, usual), **_odd_bodies(id_, at, way, usual)}


def _odd_properties(body: bytes, usual: dict[str, bytes]) -> dict[str, Hostile]:
    def odd(**properties: bytes) -> Hostile:
        return Hostile(body=body, properties={**usual, **properties}, is_sighting=True)

    many = b"".join(field(b"h%d" % n, b"I", struct.pack(">i", n)) for n in range(2_000))
    nanoseconds = struct.pack(">Q", 1_800_000_000_000_000_000)
    texts = ("message_id", "correlation_id", "app_id", "reply_to", "content_type", "content_encoding")
    return {
        **{f"not-utf-8-{name}": odd(**{name: short_string(NOT_UTF_8)}) for name in texts},
        "nanosecond-timestamp": odd(timestamp=nanoseconds),
        "largest-timestamp": odd(timestamp=b"\xff" * 8),
        "deep-headers": odd(headers=nested_table(488)),
        "not-utf-8-header-name": odd(headers=table(field(b"\xe9", b"I", struct.pack(">i", 1)))),
        "not-utf-8-header": odd(headers=table(field(b"h", b"S", struct.pack(">I", 86) + NOT_UTF_8))),
        "many-headers": odd(headers=table(many)),
        "header-timestamp": odd(headers=table(field(b"t", b"T", nanoseconds))),
        "published-at-is-text": odd(headers=table(field(b"x-published-at-us", b"S", struct.pack(">I", 4) + b"soon"))),
        "published-at-is-negative": odd(headers=table(field(b"x-published-at-us", b"l", struct.pack(">q", -1)))),
        "traceparent-with-newline": odd(headers=table(field(b"traceparent", b"S", _text(b"00-" + b"a" * 52 + b"\n")))),
    }


def _odd_bodies(id_: str, at: str, way: str, usual: dict[str, bytes]) -> dict[str, Hostile]:
    def odd(body: bytes, **properties: bytes) -> Hostile:
        return Hostile(body=body, properties={**usual, **properties})

    time_name = f"{way}_date_time"
    return {
        "not-utf-8-type": odd(sighting(id_, at=at, way=way), type=short_string(NOT_UTF_8)),
        "empty": odd(b""),
        "no-json": odd(b"\xff\xfe\x00"),
        "null": odd(b"null"),
        "large": odd(sighting(id_, at=at, way=way)[:-1] + b', "x": "' + b"x" * 90_000 + b'"}'),
        "deep": odd(b"[" * 977 + b"]" * 977),
        "deep-field": odd(sighting(id_, at=at, way=way)[:-1] + b', "x": ' + b"[" * 977 + b"]" * 977 + b"}"),
        "huge-number": odd(b'{"id": 1' + b"0" * 400 + b"}"),
        "not-a-number": odd(sighting(id_, at=at, way=way).replace(b'"HOSTILE1"', b"NaN")),
        "id-with-newline": odd(sighting(f"{id_}\n", at=at, way=way)),
        "id-with-escape": odd(sighting(f"{id_}\x1b[2J", at=at, way=way)),
        "id-too-long": odd(sighting(id_ * 201, at=at, way=way)),
        "no-plate": odd(sighting(id_, plate=" ", at=at, way=way)),
        "no-time": odd(sighting(id_, at="yesterday", way=way)),
        "year-9999": odd(sighting(id_, at="9999-12-31T23:59:59Z", way=way)),
        "year-1": odd(sighting(id_, at="0001-01-01T00:00:00Z", way=way)),
        "other-way": odd(sighting(id_, at=at, way=way).replace(time_name.encode(), b"other_date_time")),
    }


def _text(value: bytes) -> bytes:
    return struct.pack(">I", len(value)) + value
