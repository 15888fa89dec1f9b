"""Which exits belong to a car that entered: four in five, unless set otherwise."""

from fractions import Fraction
from typing import Final

from parkstream_generators.chance import drawn

_BLOCK_MAX: Final = 100


class Matching:
    """Decides exit by exit. *exact*: every block of exits (5 for 0.8) holds exactly its share; else each is a draw."""

    def __init__(self, share: float, seed: int, *, exact: bool) -> None:
        fraction = Fraction(share).limit_denominator(_BLOCK_MAX)
        self._share = share
        self._seed = seed
        self._exact = exact
        self._block_size = fraction.denominator
        self._strangers_per_block = fraction.denominator - fraction.numerator
        self._block = -1
        self._strangers: frozenset[int] = frozenset()

    def matches(self, number: int) -> bool:
        """Return whether exit *number* (from 0) belongs to a car that entered."""
        if not self._exact:
            return drawn(self._seed, "match", number) < self._share
        block, place = divmod(number, self._block_size)
        if block != self._block:
            self._block, self._strangers = block, self._places(block)
        return place not in self._strangers

    def _places(self, block: int) -> frozenset[int]:
        """Return which places of *block* match nobody; the draw is the same whenever it is made."""
        places = sorted(range(self._block_size), key=lambda place: drawn(self._seed, f"place-{block}", place))
        return frozenset(places[: self._strangers_per_block])
