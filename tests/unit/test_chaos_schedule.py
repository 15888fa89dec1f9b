"""What happens in a campaign follows from its seed, and from nothing else."""

from random import Random

from chaos.kinds import KINDS
from chaos.schedule import RUN_FAULTS, schedule, seeds_of
from chaos.traffic import Cars

SEEDS = 2_000
NAMES = list(KINDS)


def test_the_same_seed_gives_the_same_schedule_however_kinds_are_listed():
    assert schedule(7, NAMES) == schedule(7, NAMES[::-1])


def test_a_longer_schedule_begins_as_a_shorter_one():
    assert schedule(7, NAMES, 5) == schedule(7, NAMES, 50)[:5]


def test_no_two_seeds_give_the_same_schedule():
    kinds = {tuple(step.kind for step in schedule(seed, NAMES)) for seed in range(SEEDS)}
    assert len(kinds) == SEEDS


def test_a_run_has_each_kind_once_before_one_comes_again():
    steps = schedule(3, NAMES, 2 * len(NAMES))
    assert sorted(step.kind for step in steps[: len(NAMES)]) == sorted(NAMES)
    assert len({step.kind for step in schedule(4, NAMES)}) == RUN_FAULTS
    assert [step.position for step in steps] == list(range(1, len(steps) + 1))


def test_the_seeds_of_further_runs_follow_from_the_first():
    assert [seeds_of(7).random() for _ in range(3)] == [seeds_of(7).random() for _ in range(3)]


def test_the_same_seed_gives_the_same_cars():
    one, other = Cars(5), Cars(5)
    assert one.met(200) != []
    other.met(200)
    assert one.traffic.exits == other.traffic.exits
    assert one.traffic.published == other.traffic.published


def test_cars_of_every_sort_come_and_are_counted():
    cars = Cars(Random(1).randrange(2**32))
    events = cars.met(500)
    traffic = cars.traffic
    repeated = len(events) - len(set(events))
    assert len(events) == traffic.sightings + repeated
    assert min(repeated, traffic.repeated_reads, len(traffic.exits_missed), traffic.published.unmatched) > 0
    assert traffic.published.matched + traffic.published.unmatched == len(traffic.exits)
