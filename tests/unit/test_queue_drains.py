"""When a queue is known to be drained: what RabbitMQ counts against what consumers report."""

from collections.abc import Sequence

import pytest
from parkstream_backend.project.queue_drains import LEAVING_US, QueueDrains, QueueLook, drained_through
from parkstream_backend.record.consumer_reports import Report
from parkstream_backend.record.queue_depths import QueueDepth
from parkstream_events.sightings import Direction
from parkstream_visits.watermark_decision import Drained

LOOK = QueueLook(100, 110, 2)
RECORDED = Report(50, 110)


@pytest.mark.parametrize(
    ("reports", "through"),
    [
        ([RECORDED, RECORDED], 100),
        ([RECORDED], None),
        ([RECORDED, Report(50, 109)], None),
        ([RECORDED, Report(101, 120)], None),
        ([RECORDED, Report(100, 110)], 100),
        ([RECORDED, Report(101, 120), Report(20, 90)], None),
        ([RECORDED, RECORDED, Report(20, 0, leaves_us=115)], None),
        ([RECORDED, RECORDED, Report(20, 0, leaves_us=120 - LEAVING_US)], 100),
    ],
    ids=[
        "all that RabbitMQ counts",
        "one says nothing",
        "one last said so before the look",
        "one came after the look, in place of one that stands still",
        "one came just before it",
        "one that was killed and one that is new",
        "one that leaves holds what nobody counts",
        "one that left long ago without a word",
    ],
)
def test_every_consumer_that_was_counted_must_report(reports: Sequence[Report], through: int | None):
    assert drained_through([LOOK], reports, 120) == through


def test_the_last_look_that_is_proven_counts():
    looks = [QueueLook(80, 90, 1), LOOK._replace(consumers=1), QueueLook(200, 210, 1)]
    assert drained_through(looks, [RECORDED], 220) == 100
    assert drained_through([], [RECORDED], 220) is None


class Queue:
    """A queue with one consumer, and a clock that goes on with each question."""

    def __init__(self) -> None:
        self.now = 1_000
        self.depth: QueueDepth | None = QueueDepth(0, 1)
        self.recorded_us = 0

    async def now_us(self) -> int:
        self.now += 1
        return self.now

    async def of(self, _: str) -> list[Report]:
        return [Report(0, self.recorded_us)]

    async def __call__(self, _: Direction) -> QueueDepth | None:
        return self.depth


async def test_it_is_watched_from_the_first_proof_on_and_anew_after_nobody_could_know():
    queue = Queue()
    drains = QueueDrains(queue, queue)
    assert await drains(Direction.ENTRY) is None
    queue.recorded_us = queue.now
    assert await drains(Direction.ENTRY) == Drained(1_001, 1_001)
    queue.depth = QueueDepth(7, 1)
    queue.recorded_us = queue.now
    assert await drains(Direction.ENTRY) == Drained(1_001, 1_003)
    queue.recorded_us = 1_000_000
    assert await drains(Direction.ENTRY) == Drained(1_001, 1_003), "messages wait"
    queue.depth = None
    assert await drains(Direction.ENTRY) is None
    queue.depth = QueueDepth(0, 1)
    assert await drains(Direction.ENTRY) == Drained(1_011, 1_011)
    assert await drains(Direction.EXIT) == Drained(1_013, 1_013)


async def test_a_queue_whose_leader_is_away_is_not_taken_for_an_empty_one():
    """RabbitMQ says of it that it has no messages and no consumers."""
    queue = Queue()
    drains = QueueDrains(queue, queue)
    queue.recorded_us = 1_000_000
    assert await drains(Direction.EXIT) == Drained(1_001, 1_001)
    queue.depth = QueueDepth(0, 0)
    assert await drains(Direction.EXIT) is None
    queue.depth = QueueDepth(0, 1)
    assert await drains(Direction.EXIT) == Drained(1_005, 1_005), "it is watched anew"


@pytest.mark.parametrize("every", [1, 2, 30, 500])
async def test_a_consumer_that_reports_rarely_proves_some_look_all_the_same(every: int):
    queue = Queue()
    drains = QueueDrains(queue, queue)
    through = 0
    for nth in range(1, 2_001):
        found = await drains(Direction.ENTRY)
        if nth % every == 0:
            queue.recorded_us = queue.now
            found = await drains(Direction.ENTRY)
            assert found is not None
            assert found.through_us > through
            through = found.through_us
