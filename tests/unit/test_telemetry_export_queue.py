"""What waits for its export is bounded, and a receiver holds up nobody."""

from threading import Event, active_count
from time import monotonic

import pytest
from parkstream_telemetry.export_queue import EXPORT_FAILED, QUEUE_FULL, ExportQueue, Limits


class Receiver:
    """Takes batches, or refuses them, or blocks until told to go on."""

    def __init__(self):
        self.batches = []
        self.takes = True
        self.may_go_on = Event()
        self.may_go_on.set()
        self.came = Event()
        self.reported = []

    def send(self, batch):
        self.came.set()
        self.may_go_on.wait(60)
        self.batches.append(batch)
        return self.takes

    def report(self, *what):
        self.reported.append(what)


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def queue(receiver):
    made = queue_to(receiver)
    yield made
    receiver.may_go_on.set()
    made.close()
    made.join(monotonic() + 1)


def queue_to(receiver, queue_max=100, batch_max=10, delay_seconds=30.0):
    return ExportQueue(
        "traces", receiver.send, receiver.may_go_on.set, receiver.report, Limits(queue_max, batch_max, delay_seconds)
    )


def closed(queue, seconds=1.0):
    queue.close()
    queue.join(monotonic() + seconds)


def test_a_full_batch_goes_at_once(receiver, queue):
    for number in range(10):
        queue.put(number)
    assert receiver.came.wait(5)
    closed(queue)
    assert receiver.batches == [list(range(10))]


def test_a_lone_item_goes_after_the_delay(receiver):
    queue = queue_to(receiver, delay_seconds=0.01)
    queue.put(1)
    assert receiver.came.wait(5)
    closed(queue)


def test_closing_sends_what_waits_in_batches(receiver, queue):
    for number in range(5):
        queue.put(number)
    closed(queue)
    assert receiver.batches == [[0, 1, 2, 3, 4]]
    assert (queue.exported, queue.waiting) == (5, 0)


def test_a_slow_receiver_holds_up_nobody_and_what_does_not_fit_is_counted(receiver, queue):
    receiver.may_go_on.clear()
    for number in range(10):
        queue.put(number)
    assert receiver.came.wait(5)
    for number in range(150):
        queue.put(number)
    assert queue.waiting == 100
    assert queue.dropped == {QUEUE_FULL: 50, EXPORT_FAILED: 0}
    receiver.may_go_on.set()
    closed(queue)
    assert queue.exported == 110


def test_what_is_refused_is_counted_and_reported(receiver, queue):
    receiver.takes = False
    for number in range(5):
        queue.put(number)
    closed(queue)
    assert queue.dropped == {QUEUE_FULL: 0, EXPORT_FAILED: 5}
    assert receiver.reported == [("traces", 5, EXPORT_FAILED)]


def test_drops_are_reported_at_most_once_a_minute(receiver):
    receiver.takes = False
    queue = queue_to(receiver, batch_max=1)
    for number in range(50):
        queue.put(number)
    deadline = monotonic() + 5
    while queue.dropped[EXPORT_FAILED] < 50 and monotonic() < deadline:
        Event().wait(0.01)
    assert len(receiver.reported) <= 1
    closed(queue)
    assert len(receiver.reported) <= 2
    assert sum(count for _, count, _ in receiver.reported) == 50


def test_closing_abandons_a_receiver_that_does_not_answer(receiver, queue):
    receiver.may_go_on.clear()
    aborted = Event()
    queue._abort = aborted.set
    for number in range(30):
        queue.put(number)
    assert receiver.came.wait(5)
    closed(queue, seconds=0.1)
    assert receiver.batches == []  # Closed while the receiver was still at the first batch.
    assert aborted.is_set()
    assert queue.dropped[EXPORT_FAILED] >= 20


def test_after_closing_nothing_is_taken(receiver, queue):
    closed(queue)
    queue.put(1)
    assert queue.waiting == 0
    assert queue.dropped[QUEUE_FULL] == 1


def test_closing_leaves_no_thread(receiver):
    before = active_count()
    closed(queue_to(receiver))
    assert active_count() == before
