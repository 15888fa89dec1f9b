"""The mark: which log a mall has, and how far it was durable, kept outside of Redis."""

from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

INTEGER_MAX: Final = 2**53 - 1


class Mark(Struct, frozen=True, kw_only=True):
    """The log *log_id* of *mall* is durable up to *position*; each log that is adopted is of the next *generation*."""

    mall: Annotated[str, Meta(min_length=1)]
    log_id: Annotated[str, Meta(min_length=1)]
    position: Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
    generation: Annotated[int, Meta(ge=1, le=INTEGER_MAX)] = 1

    @property
    def order(self) -> tuple[int, int]:
        """What the newest mark has most of: a slower backend lowers nothing."""
        return self.generation, self.position


class MarkError(Exception):
    """A message is no mark."""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Mark).decode


def encode(mark: Mark) -> bytes:
    """Return *mark* as JSON."""
    return _encode(mark)


def decode(body: bytes) -> Mark:
    """Return the mark in *body*; raise ``MarkError`` when it is none."""
    try:
        return _decode(body)
    except msgspec.DecodeError as error:
        message = f"no mark: {error}"
        raise MarkError(message) from error
