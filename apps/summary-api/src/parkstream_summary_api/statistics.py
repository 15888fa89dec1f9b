"""What the file holds, and how long summaries took to get there."""

from collections import Counter
from itertools import repeat
from typing import Final

import msgspec
from parkstream_events.summaries import ItemResult, ItemStatus, Outcome
from parkstream_events.units import SECOND_US
from parkstream_telemetry import Telemetry, names
from parkstream_telemetry.latency import Stage

from parkstream_summary_api.group_commit import Posted, Settled
from parkstream_summary_api.index import Index
from parkstream_summary_api.summary_file import Journal

STAGES: Final = {Outcome.COMPLETED: Stage.END_TO_END, Outcome.ENTRY_MISSED: Stage.END_TO_END_PENDING}
"""How long it takes from the exit to the disk is known of a visit that an exit ended only."""


class Current(msgspec.Struct, frozen=True):
    """Visits by the outcome of their greatest revision."""

    completed: int
    entry_missed: int
    exit_missed: int
    retracted: int


class Percentiles(msgspec.Struct, frozen=True):
    """Milliseconds from the publishing of a sighting to its summary on disk; null before there was any."""

    p50: float | None
    p95: float | None
    p99: float | None


class Stats(msgspec.Struct, frozen=True):
    """What the file holds, and the latencies since this process started.

    ``position`` is the greatest in the file: a log that ends before it has lost records.
    ``unreadable`` and ``repeated`` count lines that somebody else must have written: no summary, and one written twice.
    """

    lines: int
    visits: int
    position: int
    current: Current
    bytes: int
    unreadable: int
    repeated: int
    exit_to_disk_ms: Percentiles
    pending_exit_to_disk_ms: Percentiles


class Statistics:
    """Hears of what was written, and adds it up."""

    def __init__(self, telemetry: Telemetry, index: Index, journal: Journal) -> None:
        self._telemetry = telemetry
        self._index = index
        telemetry.watch(names.SUMMARY_LINES, lambda: index.lines)
        telemetry.watch(names.SUMMARY_BYTES, lambda: journal.end)
        telemetry.watch(names.SUMMARY_FILE_CHANGED, lambda: journal.is_changed)

    def settled(self, settled: Settled) -> None:
        """Take in what is on disk now."""
        count = sum(map(self._written, settled.group, settled.answers, repeat(settled.ended_ns // 1_000)))
        if count:
            self._telemetry.record(names.SYNC_SIZE, count)
            self._telemetry.record(names.SYNC_DURATION, (settled.ended_ns - settled.began_ns) / 1_000_000_000)

    def _written(self, posted: Posted, statuses: list[ItemStatus], now_us: int) -> int:
        """Take in what of *posted* was new, and return how many summaries that are."""
        record, sent_at_us, count = self._telemetry.latency.record, posted.origin.sent_at_us, 0
        for item, status in zip(posted.items, statuses, strict=True):
            if status is not ItemStatus.WRITTEN:
                continue
            count += 1
            if sent_at_us is not None:
                record(Stage.DELIVER_TO_DISK, (now_us - sent_at_us) / SECOND_US)
            stage = STAGES.get(item.outcome)
            if stage is not None and item.published_at_us is not None:
                record(stage, (now_us - item.published_at_us) / SECOND_US)
        return count

    def answered(self, results: list[ItemResult]) -> None:
        """Count what is answered to each item."""
        for status, count in Counter(result.status for result in results).items():
            self._telemetry.add(names.SUMMARIES, count, status=status.value)

    async def stats(self) -> Stats:
        """Return all figures."""
        counters = await self._index.counters()
        return Stats(
            lines=counters["lines"],
            visits=counters["visits"],
            position=counters["position"],
            current=Current(*[counters[field] for field in Current.__struct_fields__]),
            bytes=counters["bytes"],
            unreadable=counters["unreadable"],
            repeated=counters["repeated"],
            exit_to_disk_ms=self._percentiles(Stage.END_TO_END),
            pending_exit_to_disk_ms=self._percentiles(Stage.END_TO_END_PENDING),
        )

    def _percentiles(self, stage: Stage) -> Percentiles:
        found = self._telemetry.latency.percentiles(stage)
        return Percentiles(found.p50_ms, found.p95_ms, found.p99_ms) if found else Percentiles(None, None, None)
