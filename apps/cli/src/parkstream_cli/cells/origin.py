"""Where a mall is moved from: kept beside its secrets until the move has ended, so that it goes on, or back."""

from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from parkstream_devtools.private_files import write_private

REDIS: Final = "moved_from.json"
RABBITMQ: Final = "moved_from_rabbitmq.json"


class Origin(Struct, frozen=True):
    """From where to where, and when the old place was closed, in seconds since 1970.

    The address of a Redis is whole; of RabbitMQ only the servers are kept.
    """

    old: str
    closed_at: float
    new: str = ""
    """Of Redis it is what the mall's address says."""


def origin_of(file: Path, name: str) -> Origin | None:
    """Return from where the mall whose address is in *file* is moved, if a move has begun."""
    kept = file.with_name(name)
    return msgspec.json.decode(kept.read_bytes(), type=Origin) if kept.exists() else None


def keep_origin(file: Path, name: str, origin: Origin) -> None:
    """Keep *origin*, for who runs the move again."""
    write_private(file.with_name(name), msgspec.json.encode(origin))


def forget_origin(file: Path, name: str) -> None:
    """Let nothing be begun any more."""
    file.with_name(name).unlink()
