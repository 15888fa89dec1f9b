"""Records that nothing could be made of. They change seldom, so they are kept beside the clock, which has their digest.

The clock is written with every commit, and its size must not depend on how many there are.
"""

from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final, NamedTuple, Self

import msgspec

DIGEST_BYTES: Final = 16


class UnreadableRecord(NamedTuple):
    """A record that nothing could be made of."""

    position: int
    type: str
    reason: str
    detail: str


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(tuple[UnreadableRecord, ...]).decode


class UnreadableRecords:
    """Such records in the order of the log; they never change, others take their place.

    Of those that were only read with the clock, nothing but the *digest* is known.
    """

    def __init__(self, records: Iterable[UnreadableRecord] = (), digest: bytes | None = None) -> None:
        self._records: Final = tuple(records)
        self.encoded: Final = _encode(self._records)
        self.digest: Final = blake2b(self.encoded, digest_size=DIGEST_BYTES).digest() if digest is None else digest

    @classmethod
    def decoded(cls, encoded: bytes | None) -> Self:
        """Return what was ``encoded``; none when nothing ever was."""
        return cls(_decode(encoded) if encoded else ())

    def __iter__(self) -> Iterator[UnreadableRecord]:
        """Yield them."""
        return iter(self._records)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._records)

    def __eq__(self, other: object) -> bool:
        """Return whether *other* are the same."""
        return isinstance(other, UnreadableRecords) and self.digest == other.digest

    def __hash__(self) -> int:
        """Return what is the same for the same records."""
        return hash(self.digest)
