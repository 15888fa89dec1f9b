"""What stands for a plate in all that is emitted: a keyed hash."""

import re
from hashlib import blake2b
from typing import Final

from parkstream_telemetry.plate_search import UUID, reveals

KEY_BYTES = 32
GATES_MAX: Final = 1_000
"""More than the rules know by name."""
_UUID_IN_HEX: Final = re.compile("[0-9a-f]{12}[1-8][0-9a-f]{3}[89ab][0-9a-f]{15}", re.IGNORECASE)


def plate_key(key: str) -> bytes:
    """Return the key of the hashes that the words *key* stand for."""
    return blake2b(key.encode(), digest_size=KEY_BYTES).digest()


def plate_hash(plate: str, key: bytes) -> str:
    """Return what stands for *plate* under *key*."""
    return blake2b(plate.encode(), digest_size=8, key=key).hexdigest()


def public_id(id_: str, plate: str | None, key: bytes) -> str:
    """Return *id_* as it may leave: hashed, as a plate is, when *plate* can be read in it, or decoded out of it.

    Without a plate to look for (the message could not be read) only a UUID is known to hold none.
    """
    revealing = not (UUID.fullmatch(id_) or _UUID_IN_HEX.fullmatch(id_)) if plate is None else reveals(id_, plate)
    return plate_hash(id_, key) if revealing else id_


class GateNames:
    """How gates are called: a name in which the plate of a sighting was read goes out hashed from then on."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._hashed: dict[str, str] = {}

    def __call__(self, gate: str, plate: str | None = None) -> str:
        """Return *gate* as it may leave; *plate* was seen there."""
        shown = self._hashed.get(gate)
        if shown is None and plate is not None:
            shown = public_id(gate, plate, self._key)
            if shown != gate and len(self._hashed) < GATES_MAX:
                self._hashed[gate] = shown
        return gate if shown is None else shown
