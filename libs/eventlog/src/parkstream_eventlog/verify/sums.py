"""Two collections compared without keeping either: an order-free sum of hashes per range of positions."""

from bisect import bisect_left
from collections import defaultdict
from typing import Final

SHIFT: Final = 12
"""A range is 4,096 positions."""


class Sums(defaultdict[int, int]):
    """Range of positions to the sum of the hashes in it; ``sums[position >> SHIFT] += hash(...)``."""

    def __init__(self) -> None:
        super().__init__(int)

    def differing(self, others: "Sums") -> list[int]:
        """Return the ranges, in order, in which *others* does not hold the same."""
        return sorted(part for part in self.keys() | others.keys() if self.get(part, 0) != others.get(part, 0))


def positions_of(part: int) -> tuple[int, int]:
    """Return the first and the last position of the range *part*."""
    return part << SHIFT, ((part + 1) << SHIFT) - 1


class Span:
    """The positions from *first* to *last*, without those that were lost."""

    def __init__(self, first: int, last: int) -> None:
        self.first = first
        self.last = last
        self._firsts: list[int] = []
        self._lasts: list[int] = []
        self.missing = 0
        """Positions that have no entry in the log."""
        self.strays = 0
        """Entries that have no position."""

    def lose(self, first: int, last: int) -> None:
        """Leave out from *first* to *last*; what is lost later lies behind what was lost before."""
        if self._lasts and self._lasts[-1] >= first - 1:
            self._lasts[-1] = max(last, self._lasts[-1])
        else:
            self._firsts.append(first)
            self._lasts.append(last)

    def __contains__(self, position: object) -> bool:
        if not isinstance(position, int) or not self.first <= position <= self.last:
            return False
        nth = bisect_left(self._lasts, position)
        return nth == len(self._lasts) or position < self._firsts[nth]

    @property
    def quick(self) -> "Positions":
        """The same, as quickly asked as can be."""
        return self if self._lasts else range(self.first, self.last + 1)


Positions = range | Span
