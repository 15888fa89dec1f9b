"""Up to when all that was published to a direction's queue is recorded, as RabbitMQ and every consumer say.

At a look at which no message waits, all that was published before is with the consumers that RabbitMQ counts. It is
recorded when as many have reported so of a later time, and were subscribed before the look: those are all of them. A
count of none proves nothing: of a quorum queue whose leader is away, RabbitMQ says that it has no messages and no
consumers.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, NamedTuple, Protocol

from parkstream_events.sightings import Direction
from parkstream_events.units import SECOND_US
from parkstream_visits.watermark_decision import Drained

from parkstream_backend.record.consumer_reports import Report
from parkstream_backend.record.queue_depths import QUEUES, QueueDepth

LOOKS_MAX: Final = 20
LEAVING_US: Final = 10 * SECOND_US
"""One that leaves is done by then: it takes at most ``GRACEFUL_SECONDS``."""


class QueueLook(NamedTuple):
    """A look at an empty queue, between two times; *consumers* are those that RabbitMQ counts."""

    before_us: int
    after_us: int
    consumers: int


class Reports(Protocol):
    """What consumers report: a ``ConsumerReports``."""

    async def now_us(self) -> int:
        """Return the time by Redis' clock."""
        ...

    async def of(self, queue: str) -> list[Report]:
        """Return the last report of each consumer of *queue*."""
        ...


class QueueDrains:
    """Asks *depth* and *reports*, and remembers its last looks."""

    def __init__(self, depth: Callable[[Direction], Awaitable[QueueDepth | None]], reports: Reports) -> None:
        self._depth = depth
        self._reports = reports
        self._looks: dict[Direction, list[QueueLook]] = {direction: [] for direction in Direction}
        self._drained: dict[Direction, Drained | None] = dict.fromkeys(Direction)

    async def __call__(self, direction: Direction) -> Drained | None:
        """Return since when a direction's queue is watched, and up to when it is drained; None when nobody knows."""
        before_us = await self._reports.now_us()
        depth = await self._depth(direction)
        after_us = await self._reports.now_us()
        if depth is None or not depth.consumers:
            self._looks[direction], self._drained[direction] = [], None
            return None
        looks = self._looks[direction]
        if not depth.messages:
            looks.append(QueueLook(before_us, after_us, depth.consumers))
        through_us = drained_through(looks, await self._reports.of(QUEUES[direction]), after_us)
        if through_us is not None:
            known = self._drained[direction]
            self._drained[direction] = Drained(known.since_us if known else through_us, through_us)
            looks = [look for look in looks if look.before_us > through_us]
        self._looks[direction] = looks if len(looks) <= LOOKS_MAX else looks[1::2]
        return self._drained[direction]


def drained_through(looks: Sequence[QueueLook], reports: Sequence[Report], now_us: int) -> int | None:
    """Return the time of the last of *looks* before which all that was published is recorded, if there is one."""
    if any(report.leaves_us and report.leaves_us > now_us - LEAVING_US for report in reports):
        return None
    return next((look.before_us for look in reversed(looks) if _is_proven(look, reports)), None)


def _is_proven(look: QueueLook, reports: Sequence[Report]) -> bool:
    proving = [one for one in reports if one.subscribed_us <= look.before_us and one.recorded_us >= look.after_us]
    return len(proving) >= look.consumers
