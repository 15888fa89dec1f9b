"""How many records cannot be read is known also beyond those that are listed."""

from parkstream_events.decisions import RecordAcknowledged
from parkstream_visits import Fold, RecordedEvent, State, Unreadable
from parkstream_visits.state import UNREADABLE_LISTED_MAX, UNREADABLE_TEXT_MAX

BROKEN = Unreadable("vehicle.entered.v1", "not_json", "truncated")


def fold_of(count):
    fold = Fold(State())
    for position in range(1, count + 1):
        fold.fold(RecordedEvent(position, 0, None, None, BROKEN))
    return fold


def acknowledge(fold, at, position):
    fold.fold(RecordedEvent(at, 0, None, None, RecordAcknowledged(position, "seen")))
    return fold.state.clock.counters.outstanding


def test_beyond_those_that_are_listed_they_are_counted_and_can_be_acknowledged():
    many = UNREADABLE_LISTED_MAX + 2
    fold = fold_of(many)
    assert len(fold.state.clock.unreadable) == UNREADABLE_LISTED_MAX
    assert fold.state.clock.counters.outstanding == many
    assert acknowledge(fold, many + 1, 1) == many - 1
    assert acknowledge(fold, many + 2, many) == many - 2, "it was not listed"


def test_what_was_not_unreadable_cannot_be_acknowledged():
    fold = fold_of(1)
    assert acknowledge(fold, 2, 7) == 1
    assert acknowledge(fold, 3, 1) == 0
    assert acknowledge(fold, 4, 1) == 0


def test_what_is_listed_is_short_whatever_came():
    fold = Fold(State())
    fold.fold(RecordedEvent(1, 0, None, None, Unreadable("t" * 10_000, "not_json", "d" * 10_000)))
    (listed,) = fold.state.clock.unreadable
    assert (len(listed.type), listed.reason, len(listed.detail)) == (
        UNREADABLE_TEXT_MAX,
        "not_json",
        UNREADABLE_TEXT_MAX,
    )
