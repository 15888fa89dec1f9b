"""The state hash: an order-free sum of entity hashes, so that it can be kept up to date by the change alone."""

from hashlib import blake2b

MODULUS = 1 << 128


def entity_hash(key: str, encoded: bytes) -> int:
    """Return the 128-bit hash of one entity: the *key* it is kept under and its canonical encoding."""
    return int.from_bytes(blake2b(encoded, digest_size=16, key=key.encode()[:64]).digest(), "little")
