"""A queue that sorts the members of a time once gives them in the same order as one that keeps them all sorted."""

from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_visits.timers import DailyQueue, TimerQueue

members = st.sampled_from("abcdef")
times = st.integers(0, 5)
steps = st.one_of(
    st.tuples(st.just("put"), times, members),
    st.tuples(st.just("load"), times, members),
    st.tuples(st.just("drop"), members),
    st.tuples(st.just("pop_before"), times),
    st.tuples(st.just("take_changes")),
)


@settings(max_examples=1_000, deadline=None)
@given(st.lists(steps, max_size=40))
def test_both_queues_are_the_same_to_whoever_uses_them(taken):
    plain, daily = TimerQueue(), DailyQueue()
    for name, *arguments in [*taken, *[("pop_before", 9)] * 7, ("take_changes",)]:
        assert getattr(daily, name)(*arguments) == getattr(plain, name)(*arguments)
        assert len(daily) == len(plain)
