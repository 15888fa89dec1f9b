"""Whatever can be decoded can be folded, kept, shown and summarised; what cannot is a no-op that is listed."""

import json
from datetime import UTC, datetime

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.sightings import microseconds, moment_of
from parkstream_events.summaries import REVISION_MAX
from parkstream_projection import Present, recorded_event_of, state_hash
from parkstream_projection.codec import encode_item
from parkstream_projection.state_hash import encode
from parkstream_visits import Clock, Fold, Plate, State, Unreadable, summary_of, visits_of

many = settings(max_examples=300, deadline=None)

NOW = microseconds(datetime(2026, 11, 27, 8, tzinfo=UTC))
DAY = 86_400_000_000
numbers = st.one_of(
    st.integers(NOW - DAY, NOW + DAY),
    st.integers(-10, 10),
    st.integers(-(2**70), 2**70),
    st.sampled_from([2**53, 2**63 - 1, 2**63, 253_402_300_799_999_999, 253_402_300_800_000_000]),
)
moments = st.one_of(
    st.integers(NOW - DAY, NOW + DAY).map(moment_of).map(datetime.isoformat),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.sampled_from(
        ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-12:00", "9999-12-31T23:59:59.999999Z", ""]
    ),
)
ids = st.one_of(st.sampled_from("ab"), st.text(min_size=1, max_size=200))
plates = st.one_of(st.sampled_from(["A1", "b-2"]), st.text(max_size=18))
cameras = st.fixed_dictionaries({"site": st.just("north"), "lane": st.sampled_from(["1", ""])})
visit_ids = st.one_of(
    st.sampled_from([f"{way}:{id_}@{NOW}" for way in ("entry", "exit") for id_ in "ab"]), st.text(max_size=12)
)
gates = st.sampled_from(["", "north"])
revisions = st.one_of(st.integers(-1, 3), st.sampled_from([REVISION_MAX - 1, REVISION_MAX]))
FIELDS = {
    wire.ENTERED: {"id": ids, "vehicle_plate": plates, "entry_date_time": moments, "gate": gates},
    wire.EXITED: {"id": ids, "vehicle_plate": plates, "exit_date_time": moments, "gate": gates},
    wire.ENTERED_V2: {"id": ids, "vehicle_plate": plates, "entry_date_time": moments, "camera": cameras},
    wire.EXITED_V2: {"id": ids, "vehicle_plate": plates, "exit_date_time": moments, "camera": cameras},
    wire.VISITS_RESTATED: {
        "version": numbers,
        "as_of_position": numbers,
        "part": numbers,
        "visits": st.lists(
            st.fixed_dictionaries({"vehicle_plate": plates, "visit_id": visit_ids, "revision": revisions})
        ),
        "operator.acted.v1": st.fixed_dictionaries({"who": st.text(), "what": st.text(), "why": st.text()}) | st.text(),
    },
    wire.WATERMARK_ADVANCED: {
        "gates": st.lists(st.fixed_dictionaries({"direction": st.sampled_from([0, 1, 1, 2]), "name": gates})),
        "to_us": numbers,
        "because": st.sampled_from(["silence", "behind", "hold_max"]),
        "as_of_position": numbers,
    },
    wire.RULES_CHANGED: {
        **dict.fromkeys(
            [
                "duplicate_window_us",
                "max_stay_us",
                "allowed_lateness_us",
                "silence_grace_us",
                "hold_max_us",
                "finality_us",
                "as_of_position",
            ],
            numbers,
        ),
    },
    wire.RECORD_ACKNOWLEDGED: {"position": st.one_of(st.integers(1, 12), numbers), "reason": st.text()},
}
written = st.one_of(
    *(st.tuples(st.just(type_), st.fixed_dictionaries(fields).map(json.dumps)) for type_, fields in FIELDS.items()),
    st.tuples(st.sampled_from([*FIELDS, "vehicle.flew.v1"]), st.sampled_from(["", "{}", "[", '"\\ud800"'])),
)
gaps = st.one_of(st.integers(0, 5_000_000), st.sampled_from([0, DAY, 40 * DAY]))
logs = st.lists(st.tuples(written, gaps), max_size=14)


def records(log):
    recorded_at_us = NOW
    for position, ((type_, body), gap) in enumerate(log, 1):
        recorded_at_us += gap
        yield Record(position, type_, "id", body.encode(), recorded_at_us, None, None)


def test_every_type_that_can_be_read_is_tried():
    assert set(FIELDS) == set(wire._DECODERS)


@many
@given(logs)
def test_whatever_is_decoded_can_be_folded_kept_shown_and_summarised(log):
    state = State()
    fold = Fold(state)
    for record in records(log):
        for spoken in fold.fold(recorded_event_of(record)):
            assert json.loads(encode_item(summary_of(spoken)))["revision"] == spoken.revision
        assert msgspec.msgpack.decode(encode(state.clock), type=Clock) == state.clock
        present = Present(record.position, state_hash(state), state.clock)
        assert json.loads(wire.encode([present.watermark, present.gates]))
        for plate in state.plates.values():
            assert msgspec.msgpack.decode(encode(plate), type=Plate) == plate
            visits_of(plate.sightings, state.clock.rules)


@many
@given(logs)
def test_what_nobody_has_acknowledged_is_counted_and_listed(log):
    state = State()
    fold = Fold(state)
    acknowledged, unreadable = set(), []
    for record in records(log):
        fact = recorded_event_of(record)
        fold.fold(fact)
        if isinstance(fact.event, Unreadable):
            unreadable.append(record.position)
        if record.type == wire.RECORD_ACKNOWLEDGED and not isinstance(fact.event, Unreadable):
            acknowledged |= {fact.event.position} & set(unreadable)
    outstanding = [position for position in unreadable if position not in acknowledged]
    assert [listed.position for listed in state.clock.unreadable] == outstanding
    assert state.clock.counters.outstanding == len(outstanding)


@many
@given(logs)
def test_without_its_unreadable_records_a_log_says_the_same(log):
    def told(facts):
        fold = Fold(State())
        return [spoken for fact in facts for spoken in fold.fold(fact)]

    facts = [recorded_event_of(record) for record in records(log)]
    readable = [fact for fact in facts if not isinstance(fact.event, Unreadable)]
    said = {spoken[:7] for spoken in told(facts)}
    assert said == {spoken[:7] for spoken in told(readable)}
