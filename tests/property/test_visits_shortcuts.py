from unittest.mock import patch

import msgspec
import parkstream_visits.fold
from hypothesis import given, settings
from hypothesis import strategies as st
from visits_histories import END, Told, histories

ENCODE = msgspec.msgpack.encode


def told_of(order, recorded, step) -> Told:
    told = Told()
    for n, p in enumerate(order):
        told.see(p, recorded=recorded + n * step)
    return told.to_the_end()


@settings(max_examples=500, deadline=None)
@given(histories, st.randoms(), st.sampled_from([0, 60, END]), st.sampled_from([0, 7, 3_000]))
def test_a_shortcut_gives_what_pairing_the_whole_plate_gives(seen, random, recorded, step):
    order = seen + [p for p in seen if random.random() < 0.2]
    random.shuffle(order)
    with_shortcuts = told_of(order, recorded, step)
    with (
        patch.object(parkstream_visits.fold, "seen_first", lambda *_: False),
        patch.object(parkstream_visits.fold, "came_again", lambda *_: False),
        patch.object(parkstream_visits.fold, "left", lambda *_: None),
        patch.object(parkstream_visits.fold, "given_up", lambda *_: None),
    ):
        without = told_of(order, recorded, step)
    assert with_shortcuts.spoken == without.spoken
    assert ENCODE(with_shortcuts.state.clock) == ENCODE(without.state.clock)
    assert {n: ENCODE(p) for n, p in with_shortcuts.state.plates.items()} == {
        n: ENCODE(p) for n, p in without.state.plates.items()
    }
    for queue, plain in zip(with_shortcuts.state.agendas, without.state.agendas, strict=True):
        assert queue.take_changes() == plain.take_changes()
