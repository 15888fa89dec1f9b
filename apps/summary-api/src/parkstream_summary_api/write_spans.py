"""The spans of what is written: within the POST that brought it, or after its own deliver with a link to the POST."""

from collections.abc import Sequence
from itertools import repeat

from parkstream_events.summaries import ItemStatus, Outcome, SummaryItem
from parkstream_telemetry import Telemetry, end, links_to, trace_id_of, traceparent_of

from parkstream_summary_api.group_commit import Posted, Settled

PENDING = frozenset({Outcome.ENTRY_MISSED, Outcome.EXIT_MISSED})
"""What rests on a sighting that is missing was pending until it could not come any more."""


class Writes:
    """Makes one span per summary of a group, once it is known what became of it."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._write = telemetry.steps.write
        self._tracing = telemetry.tracing
        self._public_id = telemetry.public_id

    def settled(self, settled: Settled) -> None:
        """Tell of one group commit."""
        if not self._tracing:
            return
        for posted, statuses in zip(settled.group, settled.answers or repeat(()), strict=False):
            self._end_spans(posted, statuses, settled)

    def _end_spans(self, posted: Posted, statuses: Sequence[ItemStatus], settled: Settled) -> None:
        post = posted.origin.span
        within = traceparent_of(post)
        trace_id, links = trace_id_of(within or ""), links_to(within)
        for item, status in zip(posted.items, statuses or repeat(None), strict=False):
            own = item.traceparent
            apart = own is not None and trace_id_of(own) != trace_id
            span = self._write(
                own if apart else post,
                links=links if apart else (),
                started_ns=settled.began_ns,
                visit_id=self._public_id(item.visit_id, item.vehicle_plate),
                revision=item.revision,
                outcome=item.outcome.value,
                pending=item.outcome in PENDING,
                status=None if status is None else status.value,
                e2e_duration_ms=_e2e_duration_ms(item, status, settled.ended_ns),
            )
            end(span, error=settled.error, ended_ns=settled.ended_ns)


def _e2e_duration_ms(item: SummaryItem, status: ItemStatus | None, ended_ns: int) -> float | None:
    """Return how long it took to the disk; what was there before, or is not there, took no time to say."""
    if status is not ItemStatus.WRITTEN or item.published_at_us is None:
        return None
    return round(ended_ns / 1_000_000 - item.published_at_us / 1_000, 3)
