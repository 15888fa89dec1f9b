"""What stands for a plate in all that is emitted: a keyed hash."""

from hashlib import blake2b

KEY_BYTES = 32


def plate_key(key: str) -> bytes:
    """Return the key of the hashes that the words *key* stand for."""
    return blake2b(key.encode(), digest_size=KEY_BYTES).digest()


def plate_hash(plate: str, key: bytes) -> str:
    """Return what stands for *plate* under *key*."""
    return blake2b(plate.encode(), digest_size=8, key=key).hexdigest()
