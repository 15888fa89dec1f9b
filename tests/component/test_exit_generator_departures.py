"""What the exit camera reports for cars that leave."""

import json
from collections import Counter

import msgspec
import pytest
from parkstream_events.sightings import VehicleExited
from parkstream_events.units import SECOND_US
from parkstream_exit_generator.departures import ExitCamera
from parkstream_exit_generator.entry_subscriber import stay_of
from parkstream_generators.dwell import Dwell
from parkstream_generators.faults import Faults
from parkstream_generators.gate_settings import gates_of
from parkstream_generators.gates import Gates
from parkstream_generators.intents import Car, SightingKind
from parkstream_generators.matched_share import Matching
from parkstream_generators.passages import Passages
from parkstream_generators.plates import entering_plate, misread_plate, stranger_plate
from parkstream_messaging.batch_subscriber import Delivery

SEED = 11
NOW_US = 1_700_000_000_000_000


def cars(count, first=0):
    return [Car(f"entry-{n}", entering_plate(SEED, n), NOW_US, "00-trace-span-01") for n in range(first, first + count)]


def camera(*, exact=True, share=0.8, **faults):
    return ExitCamera(SEED, Matching(share, SEED, exact=exact), Passages(VehicleExited, Gates(), Faults(**faults)))


def plates(intents, kind=None):
    return [json.loads(intent.body)["vehicle_plate"] for intent in intents if kind in {None, intent.kind}]


def kinds(intents):
    return [intent.kind for intent in intents]


def test_four_cars_leave_with_one_stranger():
    departures = camera().see(cars(4_000), 0, NOW_US)
    seen = kinds(departures.intents)

    assert all(seen[n : n + 5].count(SightingKind.MATCHED) == 4 for n in range(0, len(seen) - 5, 5))
    assert departures.made == len(seen)
    assert plates(departures.intents, SightingKind.MATCHED) == [car.plate for car in cars(4_000)]


def test_batches_do_not_show():
    together = camera().see(cars(100), 0, NOW_US)
    made, one_by_one = 0, []
    for car in cars(100):
        departures = camera().see([car], made, NOW_US)
        made, one_by_one = departures.made, one_by_one + departures.intents

    assert plates(one_by_one) == plates(together.intents)
    assert kinds(one_by_one) == kinds(together.intents)
    assert made == together.made


def test_strangers_come_from_their_own_range_one_by_one():
    departures = camera().see(cars(400), 0, NOW_US)
    strangers = plates(departures.intents, SightingKind.UNMATCHED)
    numbers = [n for n, kind in enumerate(kinds(departures.intents)) if kind is SightingKind.UNMATCHED]

    assert len(set(strangers)) == len(strangers) >= 99
    assert strangers == [stranger_plate(SEED, n) for n in numbers]


def test_a_missed_exit_is_counted_and_uses_no_number():
    departures = camera(missed_share=0.5).see(cars(1_000), 0, NOW_US)
    matched = kinds(departures.intents).count(SightingKind.MATCHED)

    assert departures.missed + matched == 1_000
    assert departures.missed == pytest.approx(500, abs=60)
    assert departures.made == matched + kinds(departures.intents).count(SightingKind.UNMATCHED)


def test_a_misread_exit_is_counted_outside_the_80_20():
    departures = camera(misread_share=0.5).see(cars(1_000), 0, NOW_US)
    seen = kinds(departures.intents)
    in_sequence = [kind for kind in seen if kind is not SightingKind.MISREAD]

    assert seen.count(SightingKind.MISREAD) == pytest.approx(460, abs=60)
    assert all(in_sequence[n : n + 5].count(SightingKind.MATCHED) == 4 for n in range(0, len(in_sequence) - 5, 5))


def test_a_car_whose_entry_was_misread_leaves_under_its_true_plate():
    plate = "AAO1234"
    read = misread_plate(plate, SEED)
    departures = camera().see([Car("entry", read, NOW_US)], 0, NOW_US)

    assert kinds(departures.intents) == [SightingKind.MISREAD]
    assert plates(departures.intents) == [plate]
    assert departures.made == 0


def test_an_exit_remembers_the_trace_of_its_entry_a_stranger_has_none():
    departures = camera().see(cars(10), 0, NOW_US)

    assert {intent.linked_traceparent for intent in departures.intents if intent.kind is SightingKind.MATCHED} == {
        "00-trace-span-01"
    }
    assert {intent.linked_traceparent for intent in departures.intents if intent.kind is SightingKind.UNMATCHED} == {""}


def test_faults_reach_the_event():
    knobs = {"duplicate_share": 1, "delay_share": 1, "delay_seconds": 2, "clock_skew_seconds": 60}
    (matched,) = camera(share=1, **knobs).see(cars(1), 0, NOW_US).intents

    assert matched.copies == 2
    assert matched.publish_at_us == NOW_US + 2 * SECOND_US
    assert json.loads(matched.body)["exit_date_time"] == "2023-11-14T22:14:20Z"


def at_gates(*faults):
    return ExitCamera(
        SEED,
        Matching(1, SEED, exact=True),
        Passages(VehicleExited, Gates(gates_of(["east", "west"], faults)), Faults()),
    )


def test_cars_leave_by_all_gates_each_by_the_one_that_its_plate_takes():
    intents = at_gates().see(cars(200), 0, NOW_US).intents

    assert {intent.gate for intent in intents} == {"east", "west"}
    assert [json.loads(intent.body)["gate"] for intent in intents] == [intent.gate for intent in intents]
    assert [intent.gate for intent in at_gates().see(cars(200), 0, NOW_US + 1).intents] == [one.gate for one in intents]


def test_an_exit_that_clocks_date_before_its_entry_is_counted_apart_and_uses_no_number():
    departures = at_gates("west:skew=-1").see(cars(100), 0, NOW_US)

    assert {(intent.gate, intent.kind) for intent in departures.intents} == {
        ("east", SightingKind.MATCHED),
        ("west", SightingKind.BACKDATED),
    }
    assert departures.made == len(plates(departures.intents, SightingKind.MATCHED))


def test_a_car_that_creeps_leaves_once_and_its_further_reads_are_none():
    departures = at_gates("creep=4/3").see(cars(10), 0, NOW_US)
    counts = Counter(kinds(departures.intents))

    assert counts == {SightingKind.MATCHED: 10, SightingKind.DUPLICATE_READ: 30}
    assert departures.made == 10


def test_what_leaves_at_one_moment_by_two_gates_that_count_is_told_apart_by_its_time():
    intents = at_gates("ids=daily").see(cars(100), 0, NOW_US).intents

    assert len({intent.id for intent in intents}) < 100
    assert len({(intent.id, intent.counted_at_us) for intent in intents}) == 100


def test_ids_are_new_each_time():
    ids = [intent.id for intent in camera().see(cars(500), 0, NOW_US).intents]

    assert len(set(ids)) == len(ids)


def delivery(body, type_="vehicle.entered.v1", headers=None):
    return Delivery(None, 1, False, "", "", type_, "id", headers or {}, body, None)  # type: ignore[arg-type]


def entry_body(at="2023-11-14T22:13:10Z", plate="ABC1234"):
    return msgspec.json.encode({"id": "e1", "vehicle_plate": plate, "entry_date_time": at})


def test_a_car_stays_from_when_it_entered():
    seen = delivery(entry_body(), headers={"traceparent": "00-t-s-01"})

    car, due_us = stay_of(seen, Dwell(median_seconds=30, sigma=0), SEED, NOW_US)
    assert car == Car("e1", "ABC1234", NOW_US - 10 * SECOND_US, "00-t-s-01")
    assert due_us == NOW_US - 10 * SECOND_US + 30 * SECOND_US


def test_an_entry_from_the_future_starts_the_stay_now():
    _, due_us = stay_of(delivery(entry_body("2030-01-01T00:00:00Z")), Dwell(median_seconds=30, sigma=0), SEED, NOW_US)

    assert due_us == NOW_US + 30 * SECOND_US


def test_a_message_without_a_type_is_an_entry():
    assert stay_of(delivery(entry_body(), None), Dwell(median_seconds=1, sigma=0), SEED, NOW_US) is not None


def test_an_entry_of_version_2_parks_a_car_too():
    seen = delivery(entry_body()[:-1] + b',"camera":{"site":"north","lane":"2"}}', "vehicle.entered.v2")
    parked = stay_of(seen, Dwell(median_seconds=1, sigma=0), SEED, NOW_US)
    assert parked == stay_of(delivery(entry_body()), Dwell(median_seconds=1, sigma=0), SEED, NOW_US)


def test_a_car_that_creeps_stays_from_when_it_has_passed():
    passed_at = {"x-parkstream-passed-at-us": NOW_US + 20 * SECOND_US}
    car, due_us = stay_of(delivery(entry_body(), headers=passed_at), Dwell(median_seconds=30, sigma=0), SEED, NOW_US)

    assert car.entered_us == NOW_US - 10 * SECOND_US
    assert due_us == NOW_US + 50 * SECOND_US


@pytest.mark.parametrize(
    "seen",
    [
        delivery(entry_body(), headers={"x-parkstream-passed-at-us": 0}),
        delivery(entry_body(plate="UNKNOWN")),
        delivery(b"no json"),
        delivery(entry_body(plate="?")),
        delivery(entry_body(), "vehicle.entered.v99"),
        delivery(b'{"id":"x","vehicle_plate":"A","exit_date_time":"2023-11-14T22:13:10Z"}', "vehicle.exited.v1"),
    ],
)
def test_what_is_no_entry_of_a_further_car_parks_nobody(seen):
    assert stay_of(seen, Dwell(median_seconds=1, sigma=0), SEED, NOW_US) is None


def test_the_same_seed_and_plate_give_the_same_stay():
    dwell = Dwell(median_seconds=30, sigma=1)

    assert stay_of(delivery(entry_body()), dwell, SEED, NOW_US) == stay_of(delivery(entry_body()), dwell, SEED, NOW_US)
