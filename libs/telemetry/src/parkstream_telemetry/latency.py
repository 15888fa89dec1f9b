"""How long each part of an event's way takes: percentiles to 1 %, in memory that does not grow."""

from enum import Enum
from math import log
from typing import Self

from msgspec import Struct

ERROR = 0.01
"""Greatest relative error of a percentile between the bounds below."""
SHORTEST_SECONDS = 1e-6
LONGEST_SECONDS = 1e6

_RATIO = (1 + ERROR) / (1 - ERROR)
_PER_E = 1 / log(_RATIO)
_LAST = int(log(LONGEST_SECONDS / SHORTEST_SECONDS) * _PER_E) + 1
_MICROS = 1 / SHORTEST_SECONDS


class Stage(Enum):
    """A part of an event's way."""

    PUBLISH_TO_RECORD = "publish_to_record"
    RECORD_TO_PROJECT = "record_to_project"
    PROJECT_TO_DELIVER = "project_to_deliver"
    DELIVER_TO_DISK = "deliver_to_disk"
    END_TO_END = "end_to_end"
    END_TO_END_PENDING = "end_to_end_pending"


class Percentiles(Struct, frozen=True):
    """What *count* samples were."""

    p50_ms: float
    p95_ms: float
    p99_ms: float
    count: int


class Samples:
    """Counts of durations in buckets whose bounds grow by 2 %; mergeable."""

    __slots__ = ("buckets", "count", "total_seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (_LAST + 1)
        self.count = 0
        self.total_seconds = 0.0

    def record(self, seconds: float) -> None:
        """Count one duration; clocks that differ make it negative, which counts as none."""
        micros = seconds * _MICROS
        self.buckets[min(int(log(micros) * _PER_E) + 1, _LAST) if micros > 1.0 else 0] += 1
        self.count += 1
        self.total_seconds += max(seconds, 0.0)

    def quantile(self, share: float) -> float:
        """Return the duration in seconds that *share* of the samples do not exceed; there must be some."""
        rank = share * (self.count - 1)
        counted = 0
        for bucket, count in enumerate(self.buckets):
            counted += count
            if counted > rank:
                return _middle(bucket)
        return _middle(_LAST)

    def percentiles(self) -> Percentiles | None:
        """Return p50, p95 and p99, or ``None`` without a sample."""
        if self.count == 0:
            return None
        p50, p95, p99 = (round(self.quantile(share) * 1000, 3) for share in (0.5, 0.95, 0.99))
        return Percentiles(p50, p95, p99, self.count)

    def within(self, bounds: tuple[float, ...]) -> tuple[int, ...]:
        """Return how many samples lie in each bucket that ends with one of *bounds*, and beyond the last."""
        counts = [0] * (len(bounds) + 1)
        at = 0
        for bucket, count in enumerate(self.buckets):
            while at < len(bounds) and _middle(bucket) > bounds[at]:
                at += 1
            counts[at] += count
        return tuple(counts)

    def copy(self) -> Self:
        """Return these samples as they are now."""
        other = type(self)()
        other.buckets = self.buckets.copy()
        other.count, other.total_seconds = self.count, self.total_seconds
        return other

    def since(self, earlier: Self) -> Self:
        """Return what was recorded after the copy *earlier* was made."""
        other = type(self)()
        other.buckets = [now - then for now, then in zip(self.buckets, earlier.buckets, strict=True)]
        other.count = self.count - earlier.count
        other.total_seconds = self.total_seconds - earlier.total_seconds
        return other

    def merge(self, other: Self) -> None:
        """Take in what another process or stage recorded."""
        self.buckets = [mine + theirs for mine, theirs in zip(self.buckets, other.buckets, strict=True)]
        self.count += other.count
        self.total_seconds += other.total_seconds


class Latency:
    """Samples of every stage."""

    def __init__(self) -> None:
        self._samples = {stage: Samples() for stage in Stage}
        self._reported = {stage: samples.copy() for stage, samples in self._samples.items()}

    def record(self, stage: Stage, seconds: float) -> None:
        """Count one duration of *stage*."""
        self._samples[stage].record(seconds)

    def samples(self, stage: Stage) -> Samples:
        """Return all that was recorded of *stage*."""
        return self._samples[stage]

    def percentiles(self, stage: Stage) -> Percentiles | None:
        """Return the percentiles of *stage* since the start, or ``None`` without a sample."""
        return self._samples[stage].percentiles()

    def latest(self) -> dict[str, Percentiles]:
        """Return the percentiles since the last call, of the stages that had samples."""
        found: dict[str, Percentiles] = {}
        for stage, samples in self._samples.items():
            now = samples.copy()
            percentiles = now.since(self._reported[stage]).percentiles()
            self._reported[stage] = now
            if percentiles is not None:
                found[stage.value] = percentiles
        return found


def _middle(bucket: int) -> float:
    """Return the duration that is at most 1 % from all that *bucket* counts."""
    return 0.0 if bucket == 0 else SHORTEST_SECONDS * _RATIO**bucket * (1 - ERROR)
