from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_projection.state_hash import entity_hash
from parkstream_visits import Clock, Emitted, Fold, Plate, RecordedEvent, State, reach
from visits_histories import (
    END,
    IN,
    OUT,
    Emissions,
    Pass,
    histories,
    histories_of_malls,
    plain_visits,
    plates_of_malls,
    rules_changed,
)

ENCODE, DECODE = msgspec.msgpack.encode, msgspec.msgpack.decode
many = settings(max_examples=500, deadline=None)


def expected(seen: list[Pass]) -> dict:
    return {id_: v for plate in ("A1", "B2") for id_, v in plain_visits([p for p in seen if p.plate == plate]).items()}


def shuffled_with_repeats(seen, random):
    order = seen + [p for p in seen if random.random() < 0.3]
    random.shuffle(order)
    return order


def assert_only_completed_visits_are_corrected(told: Emissions) -> None:
    first = {s.visit_id: s.outcome for s in told.emitted if s.revision == 1 and s.plate == "A1"}
    corrected = [s.visit_id for s in told.emitted if s.revision > 1 and s.plate == "A1"]
    assert all(first[visit_id] == "completed" for visit_id in corrected)


@many
@given(histories_of_malls, st.randoms())
def test_the_last_revisions_are_what_the_rules_give_in_any_order(history, random):
    gates, seen = history
    told = Emissions(gates).see(*shuffled_with_repeats(seen, random)).to_the_end()
    assert told.current("A1", "B2") == expected(seen)


@many
@given(histories_of_malls)
def test_in_order_nothing_is_ever_corrected(history):
    gates, seen = history
    told = Emissions(gates).see(*sorted(seen)).to_the_end()
    assert all(s.revision == 1 for s in told.emitted)


@many
@given(plates_of_malls, st.randoms())
def test_within_the_lateness_only_a_completed_visit_is_ever_corrected(history, random):
    gates, seen = history
    order = sorted(seen, key=lambda p: p.at + random.uniform(0, 4))
    assert_only_completed_visits_are_corrected(Emissions(gates).see(*order).to_the_end())


@many
@given(plates_of_malls, st.randoms())
def test_however_late_one_gate_is_only_a_completed_visit_is_ever_corrected(history, random):
    """Each gate keeps within the lateness of its own order; between gates any delay may lie."""
    gates, seen = history
    queues = [
        sorted((p for p in seen if (p.way, p.gate) == (way, gate)), key=lambda p: p.at + random.uniform(0, 4))
        for way in (IN, OUT)
        for gate in gates
    ]
    order = []
    while any(queues):
        order.append(random.choice([queue for queue in queues if queue]).pop(0))
    assert_only_completed_visits_are_corrected(Emissions(gates).see(*order).to_the_end())


@many
@given(st.integers(0, 60), st.lists(st.integers(1, 2), max_size=20), st.randoms())
def test_a_car_that_creeps_past_a_camera_is_one_visit(begin, gaps, random):
    reads = [Pass(begin, OUT, "x0")]
    for n, gap in enumerate(gaps, 1):
        reads.append(Pass(reads[-1].at + gap, OUT, f"x{n}"))
    told = Emissions().see(Pass(0, IN, "e"), *random.sample(reads, len(reads))).to_the_end()
    outcomes = [outcome for outcome, _, _ in told.current("A1").values()]
    assert sorted(outcomes) == (["completed"] if begin <= 50 else ["entry_missed", "exit_missed"])


@many
@given(histories, st.randoms())
def test_every_exit_is_in_exactly_one_visit_and_no_visits_of_a_plate_overlap(seen, random):
    told = Emissions().see(*shuffled_with_repeats(seen, random)).to_the_end()
    for name in ("A1", "B2"):
        plate = told.state.plates.get(name, Plate())
        visits = told.fold.visits(name)
        exits = [s.id for v in visits for s in (v.exit, *v.duplicates) if s is not None and s.way]
        assert sorted(exits) == sorted(s.id for s in plate.sightings if s.way)
        for earlier, later in pairwise(visits):
            assert (earlier.exit or earlier.entry) < (later.entry or later.exit)


@many
@given(histories, st.randoms())
def test_counters_are_what_a_recount_gives(seen, random):
    told = Emissions().see(*shuffled_with_repeats(seen, random)).to_the_end()
    counted, current = told.state.clock.counters, told.current("A1", "B2", "ZZ")
    for outcome in ("completed", "entry_missed", "exit_missed"):
        assert getattr(counted, outcome) == sum(v[0] == outcome for v in current.values())
    assert counted.completed + counted.entry_missed + waiting_exits(told) == counted.exited - counted.duplicate_exits
    assert counted.emitted == len(told.emitted)
    assert counted.pending + counted.inside == sum(len(p.pending) for p in told.state.plates.values())


def waiting_exits(told: Emissions) -> int:
    return sum(id_.startswith("exit:") for plate in told.state.plates.values() for id_ in plate.pending)


class Store:
    """Keeps the state outside of any fold, as Redis does, and gives each batch only what it needs."""

    def __init__(self) -> None:
        self.plates: dict[str, bytes] = {}
        self.timers: list[dict[str, int]] = [{}, {}, {}]
        self.clock = ENCODE(Clock())

    def fold(self, batch: list[RecordedEvent]) -> list[Emitted]:
        state = State(DECODE(self.clock, type=Clock))
        names = {f.event.vehicle_plate for f in batch if hasattr(f.event, "vehicle_plate")}
        for queue, kept, limit in zip(state.timers, self.timers, reach(batch, state.clock), strict=True):
            for member, due in ((m, d) for m, d in kept.items() if d < limit):
                queue.load(due, member)
                names.add(member.split("\x1f")[0])
        state.plates.update({n: DECODE(self.plates[n], type=Plate) for n in names if n in self.plates})
        fold = Fold(state)
        said = [s for fact in batch for s in fold.fold(fact)]
        self.keep(state, fold)
        return said

    def keep(self, state: State, fold: Fold) -> None:
        for name in fold.take_touched():
            self.plates.pop(name, None)
            if name in state.plates:
                self.plates[name] = ENCODE(state.plates[name])
        for queue, kept in zip(state.timers, self.timers, strict=True):
            put, removed = queue.take_changes()
            for member in removed:
                kept.pop(member, None)
            kept.update(put)
        self.clock = ENCODE(state.clock)


@many
@given(histories, st.randoms(), st.integers(1, 5))
def test_folding_in_chunks_with_only_what_reach_asks_for_says_the_same(seen, random, chunk):
    facts = [p.fact(n, END) for n, p in enumerate(shuffled_with_repeats(seen, random), 2)]
    whole, store = Emissions(), Store()
    said = store.fold([rules_changed()])
    for start in range(0, len(facts), chunk):
        said += store.fold(facts[start : start + chunk])
    for fact in facts:
        whole.take(fact)
    assert said == whole.emitted
    assert {n: ENCODE(p) for n, p in whole.state.plates.items()} == store.plates
    assert ENCODE(whole.state.clock) == store.clock


def test_state_per_plate_stays_bounded_over_a_year_of_daily_visits():
    told = Emissions()
    day = 86_400
    for n in range(365):
        told.see(Pass(n * day, IN, f"in{n}"), recorded=n * day + 1)
        told.see(Pass(n * day + 40, 1, f"out{n}"), recorded=n * day + 41)
    assert len(told.state.plates["A1"].sightings) <= 4
    assert len(told.state.plates["A1"].emitted) <= 4
    assert told.state.clock.counters.completed == 365


def test_a_plate_is_forgotten_when_its_visits_are_final():
    told = Emissions().see(Pass(0, IN, "a"), recorded=1).see(Pass(9, 1, "b"), recorded=10)
    told.see(Pass(3 * 86_400, IN, "c", "B2"), recorded=3 * 86_400)
    assert set(told.state.plates) == {"B2"}


def test_the_state_hash_does_not_depend_on_the_order_of_its_entities():
    hashes = [entity_hash(k, v) for k, v in (("a", b"1"), ("b", b"2"), ("c", b"3"))]
    assert sum(hashes) % 2**128 == sum(reversed(hashes)) % 2**128
    assert entity_hash("a", b"1") != entity_hash("b", b"1")
