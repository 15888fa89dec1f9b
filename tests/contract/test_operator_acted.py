"""A person's act in the log: its bytes stay readable, and 0.2.0, which knows no acts, folds it to the same state."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parkstream_events import wire
from parkstream_events.decisions import Act, OperatorActed, VisitsRestated
from parkstream_projection.codec import state_hash
from parkstream_visits import Fold, RecordedEvent, State

BEGUN_US = 1_780_315_200_000_000  # 2026-06-01T12:00:00Z
PINNED = (
    b'{"version":0,"as_of_position":0,"part":0,"visits":[],"operator.acted.v1":{"who":"otto",'
    b'"what":"sent dead letters again","why":"the camera is mended","count":2,"about":["e-1","e-2"]}}'
)
ACT = Act(who="otto", what="sent dead letters again", why="the camera is mended", count=2, about=["e-1", "e-2"])
NO_ACT = [b'"x"', b"{}", b"[]", b'{"who":"","what":"w","why":"y"}', b'{"who":"o","what":"w","why":"y","count":-1}']
as_0_2_0_reads = msgspec.json.Decoder(VisitsRestated).decode


def carrying(act: bytes, visits: bytes = b"[]") -> bytes:
    return PINNED[: PINNED.index(b"[]")] + visits + b',"operator.acted.v1":' + act + b"}"


def test_an_act_is_written_and_read_as_pinned():
    assert wire.encode(OperatorActed.of(ACT)) == PINNED
    assert wire.decode(wire.VISITS_RESTATED, PINNED) == OperatorActed.of(ACT)
    assert wire.type_of(OperatorActed.of(ACT)) == wire.VISITS_RESTATED


@pytest.mark.parametrize("act", NO_ACT)
def test_what_0_2_0_reads_is_read_also_when_the_act_in_it_is_none(act):
    assert wire.decode(wire.VISITS_RESTATED, carrying(act)) == as_0_2_0_reads(carrying(act))


def test_what_restates_visits_is_no_act():
    visits = b'[{"vehicle_plate":"B1","visit_id":"exit:x-1","revision":1}]'
    act = json.dumps(msgspec.to_builtins(ACT)).encode()
    assert isinstance(wire.decode(wire.VISITS_RESTATED, carrying(act, visits)), VisitsRestated)


@given(st.lists(st.sampled_from(["in", "out", "act"]), max_size=20))
def test_0_2_0_and_this_program_fold_acts_to_the_same_state(history):
    now, then = Fold(State()), Fold(State())
    for position, what in enumerate(history, 1):
        if what == "act":
            events = wire.decode(wire.VISITS_RESTATED, PINNED), as_0_2_0_reads(PINNED)
            assert isinstance(events[0], OperatorActed)
        else:
            events = (seen(what, position),) * 2
        for fold, event in zip((now, then), events, strict=True):
            assert isinstance(
                fold.fold(RecordedEvent(position, BEGUN_US + position * 1_000_000, None, None, event)), list
            )
    assert state_hash(now.state) == state_hash(then.state)


def seen(what, position):
    kind, field = (wire.ENTERED, "entry_date_time") if what == "in" else (wire.EXITED, "exit_date_time")
    body = {"id": f"{what}-{position}", "vehicle_plate": "B1", field: f"2026-06-01T12:00:{position:02}Z"}
    return wire.decode(kind, json.dumps(body).encode())
