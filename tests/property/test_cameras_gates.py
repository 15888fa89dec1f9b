"""Whatever goes wrong at the gates: the account of the cameras says what the rules make of what they published."""

from collections import Counter, defaultdict

from hypothesis import given
from hypothesis import strategies as st
from parkstream_events.sightings import VehicleEntered, VehicleExited
from parkstream_events.summaries import Outcome
from parkstream_events.units import SECOND_US
from parkstream_events.wire import ENTERED, EXITED, decode
from parkstream_exit_generator.departures import ExitCamera
from parkstream_generators.faults import Faults
from parkstream_generators.gates import Creep, Gate, GateFaults, Gates, Outage
from parkstream_generators.intents import Car, SightingKind
from parkstream_generators.matched_share import Matching
from parkstream_generators.passages import Passages, Passing
from parkstream_generators.plates import entering_plate
from parkstream_visits import RecordedEvent, Rules
from parkstream_visits.plate_visits import plate_sighting_of, visits_of

NOW_US = 1_700_000_000_000_000
RULES = [Rules()]
WINDOW_SECONDS = 3

seeds = st.integers(0, 2**62)
seconds = st.floats(0, 30)
creeps = st.builds(lambda reads, gap: Creep(reads, gap * (reads - 1)), st.integers(2, 12), st.floats(0.1, 2.9))
late = st.builds(
    GateFaults,
    delay_seconds=seconds,
    outage=st.none() | st.builds(Outage, seconds, seconds),
    creep=st.none() | creeps,
    daily_ids=st.booleans(),
)
skewed = st.builds(GateFaults, delay_seconds=seconds, skew_seconds=st.floats(-40, 40), daily_ids=st.booleans())
shares = st.floats(0, 1)
faults = st.builds(Faults, misread_share=shares, missed_share=shares, duplicate_share=shares)


def ways(faults_of_gates):
    """Return two ways, each of one to four gates."""
    gates = st.lists(st.builds(Gate, st.just(""), st.floats(0.1, 9), faults_of_gates), min_size=1, max_size=4)
    named = gates.map(lambda some: [Gate(f"g{n}", gate.weight, gate.faults) for n, gate in enumerate(some)])
    return st.tuples(named, named)


def passages_of(make, gates, direction, odd):
    return Passages(make, Gates(gates, direction), odd, began_us=NOW_US)


def enter(passages, seed, count):
    """Let *count* cars in, one a second; return all intents, and who parks with when it has passed."""
    intents, parked = [], []
    for number in range(count):
        plate, at_us = entering_plate(seed, number), NOW_US + number * SECOND_US
        read = passages.faults.plate_as_read(plate, seed)
        kind = SightingKind.ENTERED if read == plate else SightingKind.MISREAD
        made = passages.seen(Passing(read, at_us, kind), passages.gate_of(plate, seed), plate, seed)
        entered = plate_sighting_of(decode(ENTERED, made[0].body.encode()), recorded(made[0]), 0)
        parked.append((made[0].passed_at_us or at_us, Car(made[0].id, read, entered.at_us)))
        intents += made
    return intents, parked


def recorded(intent):
    return RecordedEvent(1, NOW_US, None, None, intent)


def visits(entries, exits):
    """Return the visits of every plate."""
    by_plate = defaultdict(list)
    for type_, intents in ((ENTERED, entries), (EXITED, exits)):
        for intent in intents:
            event = decode(type_, intent.body.encode())
            by_plate[event.vehicle_plate].append(plate_sighting_of(event, recorded(intent), 0))
    return [visit for seen in by_plate.values() for visit in visits_of(sorted(seen, key=lambda one: one.key), RULES)]


@given(seeds, st.integers(1, 12), ways(late) | ways(skewed), faults, seconds)
def test_the_account_is_what_the_rules_make_of_it(seed, count, gates, odd, stay_seconds):
    entries, parked = enter(passages_of(VehicleEntered, gates[0], "in", odd), seed, count)
    camera = ExitCamera(seed, Matching(0.8, seed, exact=True), passages_of(VehicleExited, gates[1], "out", odd))
    exits, made, missed = [], 0, 0
    for passed_us, car in parked:
        departures = camera.see([car], made, passed_us + round((1 + stay_seconds) * SECOND_US))
        exits, made, missed = exits + departures.intents, departures.made, missed + departures.missed

    kinds = Counter(intent.kind for intent in exits)
    outcomes = Counter(visit.outcome for visit in visits(entries, exits))
    alone = kinds[SightingKind.UNMATCHED] + kinds[SightingKind.MISREAD] + kinds[SightingKind.BACKDATED]
    assert outcomes[Outcome.COMPLETED] == kinds[SightingKind.MATCHED]
    assert outcomes[Outcome.ENTRY_MISSED] == alone
    assert outcomes[Outcome.EXIT_MISSED] == count - kinds[SightingKind.MATCHED]
    assert missed + len(exits) - kinds[SightingKind.DUPLICATE_READ] - kinds[SightingKind.UNMATCHED] == count


@given(seeds, st.integers(1, 12), ways(late) | ways(skewed), faults)
def test_no_two_events_are_the_same_and_none_is_published_before_it_happens(seed, count, gates, odd):
    entries, _ = enter(passages_of(VehicleEntered, gates[0], "in", odd), seed, count)
    events = [decode(ENTERED, intent.body.encode()) for intent in entries]

    assert len({intent.key for intent in entries}) == len(entries)
    assert len({(event.id, event.event_time) for event in events}) == len(events)
    assert all(not intent.publish_at_us or intent.publish_at_us >= NOW_US for intent in entries)
