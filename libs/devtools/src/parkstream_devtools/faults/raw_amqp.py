"""Publishes messages whose properties no client library would encode: the content header is written by hand."""

import socket
import struct
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import unquote, urlsplit

from pamqp import commands, frame, header
from pamqp.common import Arguments

FrameT = TypeVar("FrameT")

CHANNEL: Final = 1
FRAME_HEADER_BYTES: Final = 7
FRAME_BYTES_BESIDE_PAYLOAD: Final = 8
BASIC: Final = 60
HEADERS_FLAG: Final = 1 << 13
FLAGS: Final = {
    "content_type": 1 << 15,
    "content_encoding": 1 << 14,
    "headers": HEADERS_FLAG,
    "delivery_mode": 1 << 12,
    "priority": 1 << 11,
    "correlation_id": 1 << 10,
    "reply_to": 1 << 9,
    "expiration": 1 << 8,
    "message_id": 1 << 7,
    "timestamp": 1 << 6,
    "type": 1 << 5,
    "user_id": 1 << 4,
    "app_id": 1 << 3,
}
"""The order of properties in a content header (AMQP 0-9-1, section 4.2.6.1)."""


class RawPublisher:
    """A connection to RabbitMQ at *url* that sends a message's properties as the bytes that it is given."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._vhost = unquote(parts.path[1:]) or "/"
        self._login = f"\0{unquote(parts.username or '')}\0{unquote(parts.password or '')}"
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 5672), timeout=60)
        self._received = b""

    def __enter__(self) -> Self:
        """Open the connection and a channel that confirms."""
        self._socket.sendall(header.ProtocolHeader().marshal())
        self._wait(commands.Connection.Start)
        properties: Arguments = {}
        self._send(commands.Connection.StartOk(properties, "PLAIN", self._login, "en_US"), 0)
        tune = self._wait(commands.Connection.Tune)
        self._frame_max = int(tune.frame_max)
        self._send(commands.Connection.TuneOk(tune.channel_max, tune.frame_max, 0), 0)
        self._send(commands.Connection.Open(self._vhost), 0)
        self._wait(commands.Connection.OpenOk)
        self._send(commands.Channel.Open(), CHANNEL)
        self._wait(commands.Channel.OpenOk)
        self._send(commands.Confirm.Select(), CHANNEL)
        self._wait(commands.Confirm.SelectOk)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        self._socket.close()

    def publish(self, exchange: str, routing_key: str, body: bytes, properties: dict[str, bytes]) -> None:
        """Publish *body* and return when it is confirmed; *properties* are encoded values by name (see ``FLAGS``)."""
        flags = 0
        values = b""
        for name, flag in FLAGS.items():
            if name in properties:
                flags |= flag
                values += properties[name]
        content = struct.pack(">HHQH", BASIC, 0, len(body), flags) + values
        self._send(commands.Basic.Publish(exchange=exchange, routing_key=routing_key), CHANNEL)
        self._socket.sendall(_framed(2, content))
        size = self._frame_max - FRAME_BYTES_BESIDE_PAYLOAD
        for start in range(0, len(body), size):
            self._socket.sendall(_framed(3, body[start : start + size]))
        self._wait(commands.Basic.Ack)

    def _send(self, command: frame.FrameTypes, channel: int) -> None:
        self._socket.sendall(frame.marshal(command, channel))

    def _wait(self, kind: type[FrameT]) -> FrameT:
        """Return the next command; raise ``ConnectionError`` when it is another than *kind*."""
        while True:
            consumed, _, found = (
                frame.unmarshal(self._received) if len(self._received) > FRAME_HEADER_BYTES else (0, 0, None)
            )
            if not consumed:
                more = self._socket.recv(65_536)
                if not more:
                    message = "RabbitMQ hung up"
                    raise ConnectionError(message)
                self._received += more
                continue
            self._received = self._received[consumed:]
            if isinstance(found, kind):
                return found
            message = f"RabbitMQ answered {found!r} instead of {kind.__name__}"
            raise ConnectionError(message)


def short_string(value: bytes) -> bytes:
    """Return *value* (at most 255 bytes) as a short string, whether it is UTF-8 or not."""
    return struct.pack(">B", len(value)) + value


def table(encoded_fields: bytes) -> bytes:
    """Return a table of *encoded_fields*."""
    return struct.pack(">I", len(encoded_fields)) + encoded_fields


def field(name: bytes, kind: bytes, value: bytes) -> bytes:
    """Return one field of a table: *kind* is its letter, *value* is encoded."""
    return short_string(name) + kind + value


def nested_table(depth: int) -> bytes:
    """Return a table in a table, *depth* deep."""
    inner = table(b"")
    for _ in range(depth):
        inner = table(field(b"n", b"F", inner))
    return inner


def _framed(kind: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, CHANNEL, len(payload)) + payload + b"\xce"
