"""How fast a version of the projection catches up."""

from parkstream_console.live.rebuilds import KEPT_SECONDS, Rebuilds
from parkstream_projection import Version


def version(checkpoint, number=2):
    return Version(number, checkpoint, None, 2, live=False, before=False, rebuilt=False)


def test_one_look_says_how_far_it_is_but_not_how_fast():
    (one,) = Rebuilds().look([version(40)], 100, 0.0)
    assert (one.behind, one.per_second, one.left_seconds) == (60, None, None)


def test_two_looks_say_how_fast_it_comes_on_and_when_it_will_be_there():
    rebuilds = Rebuilds()
    rebuilds.look([version(0)], 100, 0.0)
    (one,) = rebuilds.look([version(50)], 150, 2.0)
    assert (one.behind, one.per_second, one.left_seconds) == (100, 25.0, 4.0)


def test_what_stands_still_has_no_time_left():
    rebuilds = Rebuilds()
    rebuilds.look([version(10)], 100, 0.0)
    (one,) = rebuilds.look([version(10)], 100, 5.0)
    assert (one.per_second, one.left_seconds) == (0.0, None)


def test_only_the_last_minute_counts():
    rebuilds = Rebuilds()
    rebuilds.look([version(0)], 1_000, 0.0)
    rebuilds.look([version(10)], 1_000, KEPT_SECONDS)
    (one,) = rebuilds.look([version(30)], 1_000, KEPT_SECONDS + 10)
    assert one.per_second == 2.0


def test_a_number_that_was_dropped_and_made_anew_begins_anew():
    rebuilds = Rebuilds()
    rebuilds.look([version(90)], 100, 0.0)
    (one,) = rebuilds.look([version(5)], 100, 10.0)
    assert one.per_second is None
    rebuilds.look([], 100, 20.0)
    (one,) = rebuilds.look([version(50)], 100, 30.0)
    assert one.per_second is None
