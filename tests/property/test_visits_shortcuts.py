from unittest.mock import patch

import msgspec
import parkstream_visits.fold
from hypothesis import given, settings
from hypothesis import strategies as st
from visits_histories import END, IN, OUT, Emissions, Pass, histories

ENCODE = msgspec.msgpack.encode


def told_of(order, recorded, step) -> Emissions:
    told = Emissions()
    for n, p in enumerate(order):
        told.see(p, recorded=recorded + n * step)
    return told.to_the_end()


def without_shortcuts():
    return patch.multiple(
        parkstream_visits.fold,
        first_sighting=lambda *_: False,
        next_entry=lambda *_: False,
        exit_after_entry=lambda *_: None,
        release_single=lambda *_: None,
    )


def assert_the_same(told: Emissions, plain: Emissions) -> None:
    assert told.emitted == plain.emitted
    assert ENCODE(told.state.clock) == ENCODE(plain.state.clock)
    assert {n: ENCODE(p) for n, p in told.state.plates.items()} == {n: ENCODE(p) for n, p in plain.state.plates.items()}
    for queue, its in zip(told.state.timers, plain.state.timers, strict=True):
        assert queue.take_changes() == its.take_changes()


@settings(max_examples=500, deadline=None)
@given(histories, st.randoms(), st.sampled_from([0, 60, END]), st.sampled_from([0, 7, 3_000]))
def test_a_shortcut_gives_what_pairing_the_whole_plate_gives(seen, random, recorded, step):
    order = seen + [p for p in seen if random.random() < 0.2]
    random.shuffle(order)
    with_shortcuts = told_of(order, recorded, step)
    with without_shortcuts():
        without = told_of(order, recorded, step)
    assert_the_same(with_shortcuts, without)


comings_and_goings = st.lists(
    st.tuples(
        st.sampled_from([0, 1, 2, 5, 30, 49, 60, 200, 9_000, 21_000]),
        st.sampled_from([IN, OUT]),
        st.integers(0, 9).map(str),
        st.sampled_from(["A1", "A1", "A1", "B2"]),
        st.sampled_from([0, 0, 0, 3, 100, 19_990]),
    ),
    max_size=16,
)


def told_in_time(passes: list[tuple[Pass, int]]) -> Emissions:
    told = Emissions()
    for seen, recorded in sorted(passes, key=lambda one: one[1]):
        told.see(seen, recorded=recorded)
    return told


@settings(max_examples=1_500, deadline=None)
@given(comings_and_goings, st.sampled_from([0, 37_480, 37_540]))  # Soon after, plates are kept a day longer.
def test_a_car_that_comes_and_goes_for_weeks_is_taken_in_the_same_way(comings, at):
    passes = []
    for gap, way, id_, plate, delay in comings:
        at += gap
        passes.append((Pass(at, way, id_, plate), at + delay))
    with_shortcuts = told_in_time(passes)
    with without_shortcuts():
        without = told_in_time(passes)
    assert_the_same(with_shortcuts, without)
