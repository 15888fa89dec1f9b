"""The state hash: an order-free sum of entity hashes, so that it can be kept up to date by the change alone."""

from hashlib import blake2b
from typing import Final

import msgspec

MODULUS: Final = 1 << 128
CLOCK: Final = "clock"
"""The key under which the clock is hashed: no entity may be called so."""

encode: Final = msgspec.msgpack.Encoder().encode
"""How entities and the clock are kept: fields in order, dicts as they grew, so that equal states have equal hashes."""


def entity_hash(key: str, encoded: bytes) -> int:
    """Return the 128-bit hash of one entity: the *key* it is kept under and its canonical encoding."""
    return int.from_bytes(blake2b(encoded, digest_size=16, key=key.encode()[:64]).digest(), "little")


def clock_hash(encoded: bytes) -> int:
    """Return the hash of the encoded clock."""
    return entity_hash(CLOCK, encoded)


def hash_text(total: int) -> str:
    """Return a state hash as it is kept: 32 hexadecimal digits."""
    return f"{total:032x}"
