"""What stands for a plate in all that is emitted: a keyed hash."""

from hashlib import blake2b
from typing import Final
from uuid import UUID

from parkstream_events.sightings import plate_characters

KEY_BYTES = 32
_ASCII_LAYOUT: Final = {code: None for code in range(128) if not chr(code).isalnum()}


def plate_key(key: str) -> bytes:
    """Return the key of the hashes that the words *key* stand for."""
    return blake2b(key.encode(), digest_size=KEY_BYTES).digest()


def plate_hash(plate: str, key: bytes) -> str:
    """Return what stands for *plate* under *key*."""
    return blake2b(plate.encode(), digest_size=8, key=key).hexdigest()


def public_id(id_: str, plate: str | None, key: bytes) -> str:
    """Return *id_* as it may leave: hashed, as a plate is, when *plate* can be read in it.

    Without a plate to look for (the message could not be read) only a UUID is known to hold none.
    """
    revealing = not _is_uuid(id_) if plate is None else plate in _characters(id_)
    return plate_hash(id_, key) if revealing else id_


def _characters(id_: str) -> str:
    return id_.translate(_ASCII_LAYOUT).upper() if id_.isascii() else plate_characters(id_)


def _is_uuid(id_: str) -> bool:
    try:
        UUID(id_)
    except ValueError:
        return False
    return True
