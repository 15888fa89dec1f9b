"""Frames that pamqp cannot decode, read as well as they can be.

RabbitMQ does not look into a message's properties, so any publisher can send a timestamp in nanoseconds or a text
that is not UTF-8. pamqp raises, aiormq closes the connection, RabbitMQ delivers the message again: one message blocks
the queue for ever. Read with a gap instead, the message reaches its consumer, which can refuse it.
"""

from collections.abc import Callable
from typing import Any

from pamqp import decode

Decoded = tuple[int, Any]
"""The bytes that were used, and the value."""

_ERRORS = (ValueError, OverflowError, OSError, RecursionError)  # UnicodeDecodeError is a ValueError.


class LostHeaders(dict[str, Any]):
    """The headers of a message whose headers could not be decoded: none."""


def tolerate_properties() -> None:
    """Let this process read every message property; what cannot be decoded is replaced, or left out."""
    methods: dict[str, Callable[[bytes], Decoded]] = decode.METHODS
    methods["timestamp"] = timestamp
    methods["shortstr"] = text
    methods["table"] = table


def timestamp(value: bytes) -> Decoded:
    """Decode a timestamp; None when no calendar has it."""
    try:
        return decode.timestamp(value)
    except _ERRORS:
        return 8, None


def text(value: bytes) -> Decoded:
    """Decode a short text; what is not UTF-8 is replaced."""
    try:
        return decode.short_str(value)
    except UnicodeDecodeError:
        end = 1 + value[0]
        return end, value[1:end].decode(errors="replace")


def table(value: bytes) -> Decoded:
    """Decode headers; none when any of them cannot be decoded."""
    try:
        return decode.field_table(value)
    except _ERRORS:
        return 4 + int.from_bytes(value[:4], "big"), LostHeaders()
