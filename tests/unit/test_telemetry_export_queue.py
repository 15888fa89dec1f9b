"""What waits for its export is bounded, and a receiver holds up nobody."""

from threading import Event, active_count
from time import monotonic

import pytest
from parkstream_telemetry.export_queue import EXPORT_FAILED, QUEUE_FULL, Limits, Outlet


class Receiver:
    """Takes batches, or refuses them, or blocks until told to go on."""

    def __init__(self):
        self.batches = []
        self.takes = True
        self.may_go_on = Event()
        self.may_go_on.set()
        self.came = Event()
        self.said = []

    def send(self, batch):
        self.came.set()
        self.may_go_on.wait(10)
        self.batches.append(batch)
        return self.takes

    def say(self, *what):
        self.said.append(what)


@pytest.fixture
def receiver():
    return Receiver()


@pytest.fixture
def outlet(receiver):
    made = outlet_to(receiver)
    yield made
    receiver.may_go_on.set()
    made.close()
    made.join(monotonic() + 1)


def outlet_to(receiver, queue_max=100, batch_max=10, delay_seconds=30.0):
    return Outlet(
        "traces", receiver.send, receiver.may_go_on.set, receiver.say, Limits(queue_max, batch_max, delay_seconds)
    )


def closed(outlet, seconds=1.0):
    outlet.close()
    outlet.join(monotonic() + seconds)


def test_a_full_batch_goes_at_once(receiver, outlet):
    for number in range(10):
        outlet.put(number)
    assert receiver.came.wait(5)
    closed(outlet)
    assert receiver.batches == [list(range(10))]


def test_a_lone_item_goes_after_the_delay(receiver):
    outlet = outlet_to(receiver, delay_seconds=0.01)
    outlet.put(1)
    assert receiver.came.wait(5)
    closed(outlet)


def test_closing_sends_what_waits_in_batches(receiver, outlet):
    for number in range(5):
        outlet.put(number)
    closed(outlet)
    assert receiver.batches == [[0, 1, 2, 3, 4]]
    assert (outlet.exported, outlet.waiting) == (5, 0)


def test_a_slow_receiver_holds_up_nobody_and_what_does_not_fit_is_counted(receiver, outlet):
    receiver.may_go_on.clear()
    for number in range(10):
        outlet.put(number)
    assert receiver.came.wait(5)
    for number in range(150):
        outlet.put(number)
    assert outlet.waiting == 100
    assert outlet.dropped == {QUEUE_FULL: 50, EXPORT_FAILED: 0}
    receiver.may_go_on.set()
    closed(outlet)
    assert outlet.exported == 110


def test_what_is_refused_is_counted_and_said(receiver, outlet):
    receiver.takes = False
    for number in range(5):
        outlet.put(number)
    closed(outlet)
    assert outlet.dropped == {QUEUE_FULL: 0, EXPORT_FAILED: 5}
    assert receiver.said == [("traces", 5, EXPORT_FAILED)]


def test_drops_are_said_at_most_once_a_minute(receiver):
    receiver.takes = False
    outlet = outlet_to(receiver, batch_max=1)
    for number in range(50):
        outlet.put(number)
    deadline = monotonic() + 5
    while outlet.dropped[EXPORT_FAILED] < 50 and monotonic() < deadline:
        Event().wait(0.01)
    assert len(receiver.said) <= 1
    closed(outlet)
    assert len(receiver.said) <= 2
    assert sum(count for _, count, _ in receiver.said) == 50


def test_closing_gives_up_a_receiver_that_does_not_answer(receiver, outlet):
    receiver.may_go_on.clear()
    aborted = Event()
    outlet._abort = aborted.set
    for number in range(30):
        outlet.put(number)
    assert receiver.came.wait(5)
    started = monotonic()
    closed(outlet, seconds=0.1)
    assert monotonic() - started < 2
    assert aborted.is_set()
    assert outlet.dropped[EXPORT_FAILED] >= 20


def test_after_closing_nothing_is_taken(receiver, outlet):
    closed(outlet)
    outlet.put(1)
    assert outlet.waiting == 0
    assert outlet.dropped[QUEUE_FULL] == 1


def test_closing_leaves_no_thread(receiver):
    before = active_count()
    closed(outlet_to(receiver))
    assert active_count() == before
