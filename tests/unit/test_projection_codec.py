"""Records to facts, and what is said to what is posted."""

import msgspec
from parkstream_eventlog import Record
from parkstream_events import wire
from parkstream_events.sightings import VehicleEntered, moment_of
from parkstream_events.summaries import Outcome, SummaryItem
from parkstream_projection import recorded_event_of, state_hash
from parkstream_projection.codec import item_of
from parkstream_projection.store import Change
from parkstream_visits import Emitted, Plate, PlateSighting, State, Unreadable

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
OTHER = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01"
SEEN = PlateSighting(1_000_000, 1, "out", 0, 7, 3, "north", 5, TRACE)
SPOKEN = Emitted("CAR", "exit:out", 1, Outcome.ENTRY_MISSED, None, SEEN, SEEN, 9, None)


def test_a_record_becomes_a_fact_with_all_that_is_known_of_it():
    event = VehicleEntered("in", "CAR", moment_of(1_000_000))
    fact = recorded_event_of(Record(3, wire.ENTERED, "in", wire.encode(event), 20, 10, TRACE))
    assert fact == (3, 20, 10, TRACE, event)


def test_a_record_that_cannot_be_read_is_a_fact_that_says_why():
    fact = recorded_event_of(Record(3, "vehicle.parked.v1", "in", b"{}", 20, None, None))
    assert fact.position == 3
    assert fact.event == Unreadable("vehicle.parked.v1", "unknown_type", "no decoder for the type 'vehicle.parked.v1'")


def test_an_item_is_the_summary_without_a_trace_context():
    item = msgspec.json.decode(item_of(SPOKEN), type=SummaryItem)
    assert (item.visit_id, item.published_at_us, item.position, item.traceparent) == ("exit:out", 5, 9, None)


def test_the_state_hash_is_one_of_all_plates_and_the_clock_in_any_order():
    first, second, third = State(), State(), State()
    for state, names in ((first, "AB"), (second, "BA"), (third, "AB")):
        state.plates.update({name: Plate([SEEN._replace(id=name)]) for name in names})
    third.clock.counters.exited += 1
    assert state_hash(first) == state_hash(second) != state_hash(third)
    assert len(state_hash(State())) == 32


def test_the_arguments_of_a_change_say_how_long_each_list_is():
    change = Change(20_000, "hash", b"clock", put=[[], [], []], dropped=[[], [], []])
    change.entities += ["CAR", b"plate"]
    change.put[1] = [17, "member", 18, "other"]
    change.dropped[2] = ["CAR"]
    change.items += ["20000-0", "exit:out", 1, b"{}", 9, ""]
    header, rest = change.arguments()[:5], change.arguments()[5:]
    assert header == [20_000, "hash", b"clock", b"", "1"]
    assert rest[:9] == [1, 0, 0, 0, 2, 0, 0, 1, 1]
    assert rest[9:] == ["CAR", b"plate", 17, "member", 18, "other", "CAR", "20000-0", "exit:out", 1, b"{}", 9, ""]
