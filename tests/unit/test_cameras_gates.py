"""The gates of a direction: which car takes which, what goes wrong at each, and how both are written."""

import json
import re
from collections import Counter

import pytest
from parkstream_entry_generator.settings import Settings
from parkstream_events.sightings import VehicleEntered, microseconds
from parkstream_events.units import DAY_US, SECOND_US
from parkstream_events.wire import ENTERED, decode_sighting
from parkstream_generators.daily_ids import DailyIds
from parkstream_generators.faults import Faults
from parkstream_generators.gate_settings import gates_of
from parkstream_generators.gates import Creep, Gate, GateFaults, Gates, Outage
from parkstream_generators.intents import SightingKind
from parkstream_generators.passages import PLACEHOLDER, Passages, Passing
from parkstream_generators.plates import entering_plate
from parkstream_service.settings import SettingsError, load
from the_tree import ROOT

SEED = 7
GATES_AND_FAULTS = ("PARKSTREAM_GATES", "PARKSTREAM_GATE_FAULTS")
NOON_US = 20_000 * DAY_US + DAY_US // 2


def passages(*faults, names=("north",), **knobs):
    return Passages(VehicleEntered, Gates(gates_of(names, faults)), Faults(**knobs), began_us=NOON_US)


def seen(made, at_us=NOON_US, plate="AAA1234", kind=SightingKind.ENTERED):
    return made.seen(Passing(plate, at_us, kind), made.gate_of(plate, SEED), plate, SEED)


def times(intents):
    return [microseconds(decode_sighting(ENTERED, one.body.encode()).event_time) for one in intents]


def test_cars_take_gates_in_their_shares_and_always_the_same_one():
    gates = Gates(gates_of(["north=0.6", "south=0.3", "west=0.1"], []))
    plates = [entering_plate(SEED, n) for n in range(10_000)]
    taken = Counter(gates.taken_by(plate, SEED).name for plate in plates)

    assert taken["north"] == pytest.approx(6_000, rel=0.05)
    assert taken["south"] == pytest.approx(3_000, rel=0.05)
    assert taken["west"] == pytest.approx(1_000, rel=0.1)
    assert all(gates.taken_by(plate, SEED) is gates.taken_by(plate, SEED) for plate in plates[:100])


def test_by_which_gate_a_car_came_does_not_say_by_which_it_leaves():
    ways = [Gates(gates_of(["north", "south"], []), direction) for direction in ("in", "out")]
    pairs = Counter(tuple(way.taken_by(entering_plate(SEED, n), SEED).name for way in ways) for n in range(4_000))

    assert list(pairs.values()) == [pytest.approx(1_000, rel=0.15)] * 4


def test_shares_are_parts_of_their_sum_and_equal_when_none_is_given():
    assert [gate.weight for gate in gates_of(["a=3", "b=1"], [])] == [3, 1]
    taken = Counter(Gates(gates_of(["a", "b"], [])).taken_by(entering_plate(SEED, n), SEED).name for n in range(4_000))
    assert taken["a"] == pytest.approx(2_000, rel=0.1)


def test_without_names_there_is_one_gate_that_no_event_names():
    (intent,) = seen(passages(names=()))

    assert (intent.gate, list(json.loads(intent.body))) == ("", ["id", "vehicle_plate", "entry_date_time"])


def test_an_event_names_its_gate():
    (intent,) = seen(passages())

    assert (intent.gate, json.loads(intent.body)["gate"]) == ("north", "north")


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("delay=5", GateFaults(delay_seconds=5)),
        ("skew=-1.5", GateFaults(skew_seconds=-1.5)),
        ("outage=10/30", GateFaults(outage=Outage(10, 30))),
        ("creep=10/20", GateFaults(creep=Creep(10, 20))),
        ("placeholders=0.5", GateFaults(placeholders_per_second=0.5)),
        ("ids=daily", GateFaults(daily_ids=True)),
    ],
)
def test_a_fault_is_of_its_gate_or_of_all(written, means):
    assert gates_of(["north", "south"], [f"south:{written}"]) == [Gate("north"), Gate("south", faults=means)]
    assert gates_of(["north", "south"], [written]) == [Gate("north", faults=means), Gate("south", faults=means)]
    assert gates_of([], [written]) == [Gate(faults=means)]


def test_faults_of_one_gate_add_up():
    (gate,) = gates_of(["a"], ["a:delay=5", "a:creep=3/2", "ids=daily", "a:ids=uuid"])
    assert gate.faults == GateFaults(delay_seconds=5, creep=Creep(3, 2))


@pytest.mark.parametrize(
    ("gates", "faults", "complaint"),
    [
        ("north=x", "", "PARKSTREAM_GATES has 'north=x'; it takes NAME or NAME=SHARE, as in north=0.6,south=0.4"),
        ("north=0", "", "it takes NAME or NAME=SHARE"),
        ("north=-1", "", "it takes NAME or NAME=SHARE"),
        ("north=nan", "", "it takes NAME or NAME=SHARE"),
        ("=0.5", "", "it takes NAME or NAME=SHARE"),
        ("a b", "", "it takes NAME or NAME=SHARE"),
        ("x" * 101, "", "it takes NAME or NAME=SHARE"),
        ("north,north=2", "", "PARKSTREAM_GATES names a gate twice"),
        ("north,south", "west:delay=5", "PARKSTREAM_GATE_FAULTS has 'west:delay=5'; the gates are north, south"),
        ("", "west:delay=5", "the gates are none: PARKSTREAM_GATES is not set"),
        ("", "delay", "it takes delay=SECONDS"),
        ("", "delay=-1", "it takes delay=SECONDS"),
        ("", "skew=90000", "it takes skew=SECONDS"),
        ("", "outage=5", "it takes outage=BEGINS/LASTS"),
        ("", "creep=1/20", "it takes creep=READS/SECONDS: each car is read 2 to 1000 times"),
        ("", "creep=10/0", "it takes creep=READS/SECONDS"),
        ("", "placeholders=inf", "it takes placeholders=RATE"),
        ("", "ids=hourly", "it takes ids=daily"),
        ("", "fog=1", "the knobs are delay, outage, skew, creep, placeholders, ids"),
    ],
)
def test_what_is_written_wrongly_is_explained(gates, faults, complaint):
    with pytest.raises(SettingsError) as raised:
        load(Settings, {"PARKSTREAM_GATES": gates, "PARKSTREAM_GATE_FAULTS": faults})
    assert complaint in str(raised.value)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(ValueError, match=r"'b=x'.*'fog=1'"):
        gates_of(["a", "b=x"], ["fog=1"])


def test_a_late_gate_publishes_later_what_is_dated_right():
    (intent,) = seen(passages("delay=5"))

    assert times([intent]) == [NOON_US]
    assert intent.publish_at_us == NOON_US + 5 * SECOND_US


@pytest.mark.parametrize(("after", "published_after"), [(9, None), (10, 40), (39, 40), (40, None)])
def test_during_an_outage_events_are_held_until_its_end(after, published_after):
    (intent,) = seen(passages("outage=10/30"), NOON_US + after * SECOND_US)

    assert intent.publish_at_us == (0 if published_after is None else NOON_US + published_after * SECOND_US)
    assert times([intent]) == [NOON_US + after * SECOND_US]


def test_a_gate_may_have_a_clock_of_its_own_beside_the_cameras_skew():
    (intent,) = seen(passages("skew=-30", clock_skew_seconds=10))

    assert times([intent]) == [NOON_US - 20 * SECOND_US]
    assert intent.publish_at_us == 0


def test_a_car_that_creeps_is_read_again_and_again_each_as_an_event_of_its_own():
    made = seen(passages("creep=5/2"), kind=SightingKind.MISREAD)

    assert times(made) == [NOON_US + offset for offset in (0, 500_000, 1_000_000, 1_500_000, 2_000_000)]
    assert [one.publish_at_us for one in made] == [0, *times(made)[1:]]
    assert len({one.id for one in made}) == 5
    assert [one.kind for one in made] == [SightingKind.MISREAD] + [SightingKind.DUPLICATE_READ] * 4
    assert [one.passed_at_us for one in made] == [NOON_US + 2 * SECOND_US, 0, 0, 0, 0]


def test_a_buffer_has_room_for_fewer_cars_that_creep():
    assert passages(names=("a", "b")).cars_in(100) == 100
    assert [passages("b:creep=10/20", names=("a", "b")).cars_in(room) for room in (0, 5, 100, 101)] == [0, 1, 10, 11]


def test_a_read_without_a_plate_is_counted_apart():
    made = passages("placeholders=1")
    intent = made.no_plate(made.gates.all[0], NOON_US)

    assert json.loads(intent.body)["vehicle_plate"] == PLACEHOLDER
    assert intent.kind is SightingKind.PLACEHOLDER


def test_daily_ids_count_from_1_at_each_gate_and_each_day():
    ids = DailyIds()
    days = (NOON_US, NOON_US, NOON_US + DAY_US)

    assert [ids.take("north", at_us) for at_us in days] == ["1", "2", "1"]
    assert ids.take("south", NOON_US + DAY_US) == "1"


def test_a_number_that_was_given_is_not_given_again_after_midnight_was_seen_early():
    ids = DailyIds()

    assert [ids.take("a", at_us) for at_us in (NOON_US, NOON_US + DAY_US, NOON_US)] == ["1", "1", "2"]


def test_daily_ids_go_on_after_a_restart():
    ids, again = DailyIds(), DailyIds()
    ids.take("north", NOON_US)
    again.restore(ids.text())

    assert again.take("north", NOON_US) == "2"
    again.restore(DailyIds().text())
    assert again.take("north", NOON_US) == "1"


def test_numbers_that_come_again_are_kept_apart_by_time_and_gate():
    made = passages("ids=daily", names=("north", "south"))
    both = [one for n in range(100) for one in seen(made, plate=entering_plate(SEED, n))]

    assert {one.id for one in both} == {str(n) for n in range(1, 1 + max(int(one.id) for one in both))}
    assert len({one.key for one in both}) == len({(one.id, *times([one])) for one in both}) == 100


def test_the_page_says_what_can_be_written():
    page = (ROOT / "docs" / "gates.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z]+)=(\S+)` \|", page, re.MULTILINE)

    assert [knob for knob, _ in rows] == ["delay", "outage", "skew", "creep", "placeholders", "ids"]
    (gates,), (faults,) = (re.findall(rf"^{name}=(.+)$", page, re.MULTILINE) for name in GATES_AND_FAULTS)
    assert all(gates_of(gates.split(","), [f"{knob}={value}"]) for knob, value in rows)
    assert len(gates_of(gates.split(","), faults.split(","))) == 2
