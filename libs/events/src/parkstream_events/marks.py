"""The mark: which log a mall has, and how far it was durable, kept outside of Redis."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from parkstream_events.wire import UNREADABLE

INTEGER_MAX: Final = 2**53 - 1
LOG_HEADER: Final = "x-parkstream-log"
"""On a POST of summaries: the log that they were made of, as ``LogName.text``."""


class LogName(Struct, frozen=True, order=True):
    """Which log it is: of two, that which a person made the right one later is meant."""

    since_us: Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
    log_id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{1,64}\Z")]

    @property
    def text(self) -> str:
        """The name as one word."""
        return f"{self.since_us}:{self.log_id}"


class Mark(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The log *log_id* of *mall*, created or adopted at *since_us*, is durable up to *position*.

    *moves* counts how often the mall left the RabbitMQ that keeps this mark, or came back to it.
    """

    mall: Annotated[str, Meta(min_length=1)]
    log_id: Annotated[str, Meta(pattern=r"^[0-9A-Za-z-]{1,64}\Z")]
    position: Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
    since_us: Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
    moves: Annotated[int, Meta(ge=0, le=INTEGER_MAX)] = 0

    @property
    def closed(self) -> bool:
        """Whether the mall was moved to another RabbitMQ than the one that keeps this mark."""
        return self.moves % 2 == 1

    @property
    def name(self) -> LogName:
        """Which log it is."""
        return LogName(self.since_us, self.log_id)


class MarkError(Exception):
    """What was read is no mark, or no name of a log."""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Mark).decode


def encode(mark: Mark) -> bytes:
    """Return *mark* as JSON."""
    return _encode(mark)


def decode(body: bytes) -> Mark:
    """Return the mark in *body*; raise ``MarkError`` when it is none."""
    try:
        return _decode(body)
    except UNREADABLE as error:
        message = f"no mark: {error}"
        raise MarkError(message) from error


def newest_of(one: Mark, other: Mark) -> Mark:
    """Return what two marks say together: a slower backend lowers nothing, and of two logs the later one is meant.

    That of another mall says nothing beside *one*, which came first.
    """
    if one.mall != other.mall:
        return one
    if one.log_id != other.log_id:
        return max(one, other, key=lambda mark: mark.name)
    return replace(
        one,
        position=max(one.position, other.position),
        since_us=max(one.since_us, other.since_us),
        moves=max(one.moves, other.moves),
    )


def log_name_of(text: str) -> LogName:
    """Return the name whose ``text`` it is; raise ``MarkError`` when it is none."""
    since_us, _, log_id = text.partition(":")
    try:
        return msgspec.convert({"since_us": since_us, "log_id": log_id}, LogName, strict=False)
    except msgspec.ValidationError as error:
        message = f"no name of a log: {error}"
        raise MarkError(message) from error
