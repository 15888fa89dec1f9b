"""A record as one line of JSON, for exports and archives: the bytes of its body come back exactly."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from parkstream_service.foreign_data import UNREADABLE

from parkstream_eventlog.errors import EventLogError
from parkstream_eventlog.log import Record

INTEGER_MAX: Final = 2**53 - 1
"""What JSON readers and Redis' Lua can count to."""

LINE_BYTES_MAX: Final = 1 << 20
"""Of a record; a body of the 64 KiB that the log takes needs less, however it is written."""
LOG_ID: Final = r"^[0-9A-Za-z-]{1,64}\Z"
Whole = Annotated[int, Meta(ge=-INTEGER_MAX, le=INTEGER_MAX)]


class LineError(EventLogError, ValueError):
    """A line holds no record, or there is none."""


class Line(Struct, frozen=True, gc=False, omit_defaults=True, forbid_unknown_fields=True):
    """How a record is written: its body as text where it is UTF-8 (JSON always is), else in base64."""

    position: Annotated[int, Meta(ge=1, le=INTEGER_MAX)]
    type: Annotated[str, Meta(min_length=1)]
    id: str
    recorded_at_us: Whole
    body: str | None = None
    body_base64: bytes | None = None
    published_at_us: Whole | None = None
    traceparent: str | None = None
    log_id: Annotated[str, Meta(pattern=LOG_ID)] | None = None
    """Only in the first line of an export."""


_encode: Final = msgspec.json.Encoder().encode
_decoder: Final = msgspec.json.Decoder(Line)
_decode: Final = _decoder.decode
_decode_lines: Final = _decoder.decode_lines


def line_of(record: Record, log_id: str | None = None) -> bytes:
    """Return *record* as a line, its line feed included, which names the log *log_id* when that is given."""
    position, type_, id_, body, recorded_at_us, published_at_us, traceparent = record
    text: str | None
    try:
        text, encoded = body.decode(), None
    except UnicodeDecodeError:
        text, encoded = None, body
    line = _encode(Line(position, type_, id_, recorded_at_us, text, encoded, published_at_us, traceparent, log_id))
    if len(line) >= LINE_BYTES_MAX:
        message = f"the record at position {position} makes a line of {len(line)} bytes; {LINE_BYTES_MAX} can be read"
        raise LineError(message)
    return line + b"\n"


def record_of(line: bytes) -> Record:
    """Return the record in *line*, with or without its line feed; raise ``LineError`` when there is none."""
    return record_and_log_of(line)[0]


def record_and_log_of(line: bytes) -> tuple[Record, str]:
    """Return what ``record_of`` does, and the id of the log that *line* names; "" when it names none."""
    try:
        found = _decode(line)
    except UNREADABLE as error:
        message = f"no record: {error}"
        raise LineError(message) from error
    return _record(found), found.log_id or ""


def _record(line: Line) -> Record:
    body = line.body_base64 if line.body is None else line.body.encode()
    if body is None or (line.body is not None and line.body_base64 is not None):
        message = "no record: it has either body or body_base64"
        raise LineError(message)
    return Record(line.position, line.type, line.id, body, line.recorded_at_us, line.published_at_us, line.traceparent)


def records_of(lines: bytes) -> list[Record]:
    """Return the records in whole *lines*, much faster than one by one; raise ``LineError`` when one holds none."""
    try:
        found = _decode_lines(lines)
    except UNREADABLE as error:
        message = f"no record: {error}"
        raise LineError(message) from error
    return [_record(line) for line in found]
