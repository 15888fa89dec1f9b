"""A time axis on which long gaps, in which nothing happens, are compressed."""

from bisect import bisect_right
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from msgspec import Struct

LONG: Final = 5
"""A gap is compressed that lasts so many times longer than all that is shorter, and so is each longer one."""
GAP_WIDTH: Final = 60.0
GAPS_SHARE: Final = 0.4
"""Of the width, at most, for all gaps that are compressed."""
STRETCH_WIDTH_MIN: Final = 50.0

Interval = tuple[int, int]


class Stretch(Struct, frozen=True):
    """A part of the axis whose scale does not change: *first* to *last* in µs, *left* to *right* in pixels."""

    first: int
    last: int
    left: float
    right: float

    def x(self, at_us: int) -> float:
        """Return where *at_us* is."""
        if self.last == self.first:
            return (self.left + self.right) / 2
        return self.left + (self.right - self.left) * (at_us - self.first) / (self.last - self.first)


class Axis:
    """The times of *intervals*, from the pixel *left* to *right*."""

    def __init__(self, intervals: Iterable[Interval], left: float, right: float) -> None:
        runs = _runs(intervals)
        gaps = max(len(runs) - 1, 0)
        gap = min(GAP_WIDTH, (right - left) * GAPS_SHARE / gaps) if gaps else 0.0
        least = min(STRETCH_WIDTH_MIN, (right - left) * (1 - GAPS_SHARE) / max(len(runs), 1))
        shared = right - left - gap * gaps - least * len(runs)
        total = sum(last - first for first, last in runs)
        self.stretches: Final[list[Stretch]] = []
        for first, last in runs:
            share = (last - first) / total if total else 1 / len(runs)
            end = left + least + shared * share
            self.stretches.append(Stretch(first, last, left, end))
            left = end + gap

    def x(self, at_us: int) -> float:
        """Return where *at_us* is; what is before or after all is at the end."""
        nth = bisect_right(self.stretches, at_us, key=lambda one: one.first) - 1
        if nth < 0:
            return self.stretches[0].left
        stretch = self.stretches[nth]
        if at_us <= stretch.last:
            return stretch.x(at_us)
        if nth + 1 == len(self.stretches):
            return stretch.right
        after = self.stretches[nth + 1]
        share = (at_us - stretch.last) / (after.first - stretch.last)
        return stretch.right + (after.left - stretch.right) * share

    @property
    def gaps(self) -> list[Stretch]:
        """The gaps that are compressed."""
        pairs = pairwise(self.stretches)
        return [Stretch(one.last, other.first, one.right, other.left) for one, other in pairs]


def _runs(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the times that are drawn to scale: all, but for the gaps that are much longer than the rest."""
    merged: list[Interval] = []
    for first, last in sorted(intervals):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    if not merged:
        return [(0, 0)]
    gaps = [after[0] - before[1] for before, after in pairwise(merged)]
    rest = sum(last - first for first, last in merged)
    longest = None
    for gap in sorted(gaps):
        if rest and gap > LONG * rest:
            break
        rest, longest = rest + gap, gap
    cut = {nth for nth, gap in enumerate(gaps) if longest is None or gap > longest}
    runs = [merged[0]]
    for nth, interval in enumerate(merged[1:]):
        if nth in cut:
            runs.append(interval)
        else:
            runs[-1] = (runs[-1][0], interval[1])
    return runs
