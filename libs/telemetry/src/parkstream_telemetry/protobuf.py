"""Spans as OTLP's protobuf, written by hand because the SDK's encoder costs more than all else that a service does.

Field numbers are those of ``opentelemetry/proto/trace/v1/trace.proto``; a test compares with the SDK's encoder.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct as Layout
from typing import Any

_SMALL = [bytes((number,)) for number in range(128)]
_TIMES = Layout("<BQBQ")
_NUMBER = Layout("<BQ")
_DOUBLE = Layout("<Bd")
_FLAGS = Layout("<HI")
_FLAGS_OF_LINK = Layout("<BI")
_WORD = 2**64 - 1
_HAS_REMOTE = 0x100
_REMOTE = 0x200

_keys: dict[str, bytes] = {}


def varint(number: int) -> bytes:
    """Return *number* (0 to 2**64 - 1) in groups of seven bits."""
    if number < 128:  # noqa: PLR2004 - seven bits
        return _SMALL[number]
    if number < 16_384:  # noqa: PLR2004 - fourteen bits
        return bytes((number & 127 | 128, number >> 7))
    parts = bytearray()
    while number > 127:  # noqa: PLR2004
        parts.append(number & 127 | 128)
        number >>= 7
    parts.append(number)
    return bytes(parts)


def sized(tag: bytes, content: bytes) -> bytes:
    """Return *content* as a field of known length."""
    return tag + varint(len(content)) + content


def pairs(tag: bytes, attributes: Mapping[str, Any]) -> bytes:
    """Return *attributes* as repeated ``KeyValue`` fields; ``None`` is left out."""
    encoded: list[bytes] = []
    for name, value in attributes.items():
        if value is None:
            continue
        key = _keys.get(name)
        if key is None:
            key = _keys[name] = sized(b"\x0a", name.encode())
        content = encoded_value(value)
        size = varint(len(content))
        encoded += (tag, varint(len(key) + 1 + len(size) + len(content)), key, b"\x12", size, content)
    return b"".join(encoded)


def head(name: str, kind: int, attributes: Mapping[str, Any]) -> bytes:
    """Return what all spans of one step have in common."""
    return sized(b"\x2a", name.encode()) + b"\x30" + varint(kind) + pairs(b"\x4a", attributes)


def span(  # noqa: PLR0913 - what a span is made of
    ids: tuple[int, int, int],
    common: bytes,
    times: tuple[int, int],
    attributes: Mapping[str, Any],
    extra: bytes,
    *,
    remote: bool,
) -> bytes:
    """Return a span as a field of ``ScopeSpans``; *ids* are trace, span and parent (0 for none), *times* in ns."""
    trace_id, span_id, parent_id = ids
    content = b"".join(
        (
            b"\x0a\x10",
            trace_id.to_bytes(16, "big"),
            b"\x12\x08",
            span_id.to_bytes(8, "big"),
            b"\x22\x08" + parent_id.to_bytes(8, "big") if parent_id else b"",
            common,
            _TIMES.pack(0x39, times[0], 0x41, times[1]),
            pairs(b"\x4a", attributes),
            extra,
            _FLAGS.pack(0x0185, _HAS_REMOTE | _REMOTE | 1 if remote else _HAS_REMOTE | 1),
        )
    )
    return b"\x12" + varint(len(content)) + content


def event(name: str, at_ns: int, attributes: Mapping[str, Any]) -> bytes:
    """Return an event as a field of a span."""
    content = _NUMBER.pack(0x09, at_ns) + sized(b"\x12", name.encode()) + pairs(b"\x1a", attributes)
    return sized(b"\x5a", content)


def link(trace_id: int, span_id: int, attributes: Mapping[str, Any], *, remote: bool) -> bytes:
    """Return a link as a field of a span."""
    ids = b"\x0a\x10" + trace_id.to_bytes(16, "big") + b"\x12\x08" + span_id.to_bytes(8, "big")
    flags = _FLAGS_OF_LINK.pack(0x35, _HAS_REMOTE | _REMOTE if remote else _HAS_REMOTE)
    return sized(b"\x6a", ids + pairs(b"\x22", attributes) + flags)


def status(code: int, description: str) -> bytes:
    """Return a status as a field of a span."""
    text = sized(b"\x12", description.encode()) if description else b""
    return sized(b"\x7a", text + b"\x18" + varint(code))


def request(resource: bytes, scope: bytes, schema_url: str, spans: Iterable[bytes]) -> bytes:
    """Return *spans* as an ``ExportTraceServiceRequest``; *resource* and *scope* are messages already encoded."""
    schema = sized(b"\x1a", schema_url.encode())
    scoped = sized(b"\x0a", scope) + b"".join(spans) + schema
    return sized(b"\x0a", sized(b"\x0a", resource) + sized(b"\x12", scoped) + schema)


def encoded_value(value: object) -> bytes:
    """Return *value* as the content of an ``AnyValue``."""
    return _VALUES.get(type(value), _text)(value)


def _text(value: object) -> bytes:
    text = str(value).encode("utf-8", "replace")
    return b"\x0a" + varint(len(text)) + text


def _truth(value: bool) -> bytes:  # noqa: FBT001 - called through a table
    return b"\x10\x01" if value else b"\x10\x00"


def _integer(value: int) -> bytes:
    return b"\x18" + varint(value & _WORD)


def _real(value: float) -> bytes:
    return _DOUBLE.pack(0x21, value)


def _list(values: Sequence[object]) -> bytes:
    return sized(b"\x2a", b"".join(sized(b"\x0a", encoded_value(value)) for value in values))


_VALUES: dict[type, Callable[[Any], bytes]] = {
    str: _text,
    bool: _truth,
    int: _integer,
    float: _real,
    list: _list,
    tuple: _list,
}
