"""What both cameras decide by chance, and that it can be repeated."""

import statistics
from itertools import islice
from uuid import UUID

import pytest
from parkstream_generators.dwell import Dwell
from parkstream_generators.faults import Faults
from parkstream_generators.ids import event_id
from parkstream_generators.matched_share import Matching
from parkstream_generators.pace import DAY_SECONDS, Pace, arrivals
from parkstream_generators.plates import entering_plate, misread_plate, stranger_plate, true_plate

SEED = 7


def test_event_ids_are_uuid_7_and_sort_by_time():
    ids = [event_id(1_700_000_000_000_000 + n * 1_000) for n in range(100)]

    assert ids == sorted(ids)
    assert {UUID(id_).version for id_ in ids} == {7}
    assert {UUID(id_).variant for id_ in ids} == {UUID(ids[0]).variant}
    assert UUID(ids[0]).int >> 80 == 1_700_000_000_000


def test_event_ids_of_one_instant_differ():
    assert len({event_id(1) for _ in range(1_000)}) == 1_000


def test_a_constant_pace_spreads_cars_evenly():
    assert list(islice(arrivals(Pace.CONSTANT, 4, SEED), 5)) == [0, 0.25, 0.5, 0.75, 1]


def test_a_poisson_pace_keeps_its_rate_and_its_spread():
    times = list(islice(arrivals(Pace.POISSON, 50, SEED), 20_000))
    gaps = [after - before for before, after in zip([0, *times], times, strict=False)]

    assert statistics.mean(gaps) == pytest.approx(1 / 50, rel=0.03)
    assert statistics.stdev(gaps) == pytest.approx(1 / 50, rel=0.05)


def test_rush_hours_keep_the_rate_over_a_day_and_bunch_at_noon_and_after_work():
    rate, scale = 10, DAY_SECONDS / 1_000
    times = [at for at in islice(arrivals(Pace.RUSH_HOURS, rate, SEED, time_scale=scale), 30_000) if at < 2_000]
    by_hour = [sum(hour == int(at / 1_000 * 24) % 24 for at in times) for hour in range(24)]

    assert len(times) == pytest.approx(2_000 * rate, rel=0.03)
    assert times == sorted(times)
    assert by_hour[18] > 1.5 * by_hour[9] > 10 * by_hour[3]


@pytest.mark.parametrize("pace", list(Pace))
def test_the_same_seed_gives_the_same_arrivals(pace):
    first, again = (list(islice(arrivals(pace, 3, SEED), 50)) for _ in range(2))

    assert first == again


def test_half_of_all_stays_are_shorter_than_the_median():
    dwell = Dwell(median_seconds=600, sigma=0.5)
    stays = [dwell.seconds(SEED, entering_plate(SEED, n)) for n in range(20_000)]

    assert statistics.median(stays) == pytest.approx(600, rel=0.03)
    assert statistics.mean(stays) > statistics.median(stays)
    assert min(stays) > 0


def test_time_can_be_compressed():
    slow, fast = (Dwell(median_seconds=3_600, sigma=0.6, time_scale=scale) for scale in (1, 1_440))

    assert slow.seconds(SEED, "ABC1234") == pytest.approx(1_440 * fast.seconds(SEED, "ABC1234"))


def test_without_sigma_all_stay_equally_long():
    assert Dwell(median_seconds=5, sigma=0).seconds(SEED, "ABC1234") == 5


def test_a_seeded_run_matches_four_in_every_five_exits():
    matching = Matching(0.8, SEED, exact=True)
    matched = [matching.matches(n) for n in range(5_000)]

    assert all(sum(matched[n : n + 5]) == 4 for n in range(0, 5_000, 5))
    assert {matched[n : n + 5].index(False) for n in range(0, 5_000, 5)} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_unseeded_run_matches_80_percent_within_half_a_point(seed):
    matching = Matching(0.8, seed, exact=False)

    assert sum(map(matching.matches, range(100_000))) / 100_000 == pytest.approx(0.8, abs=0.005)


@pytest.mark.parametrize(("share", "block"), [(1.0, 1), (0.5, 2), (0.75, 4), (0.99, 100)])
def test_other_shares_are_exact_too(share, block):
    matching = Matching(share, SEED, exact=True)

    assert sum(map(matching.matches, range(10 * block))) == round(10 * block * share)


def test_a_decision_does_not_depend_on_those_asked_before():
    one_by_one = Matching(0.8, SEED, exact=True)
    expected = [one_by_one.matches(n) for n in range(100)]

    assert [Matching(0.8, SEED, exact=True).matches(n) for n in range(100)] == expected


def test_faults_are_off_by_default():
    faults = Faults()
    plates = [entering_plate(SEED, n) for n in range(200)]

    assert [faults.plate_as_read(plate, SEED) for plate in plates] == plates
    assert {faults.copies(plate, SEED) for plate in plates} == {1}
    assert not any(faults.misses(plate, SEED) for plate in plates)
    assert {faults.delay_of(plate, SEED) for plate in plates} == {0}
    assert faults.clock(5) == 5


def test_faults_fall_in_their_share():
    faults = Faults(duplicate_share=0.1, missed_share=0.2, delay_share=0.3, delay_seconds=4, clock_skew_seconds=-1.5)
    plates = [entering_plate(SEED, n) for n in range(10_000)]

    assert sum(faults.copies(plate, SEED) - 1 for plate in plates) == pytest.approx(1_000, rel=0.1)
    assert sum(faults.misses(plate, SEED) for plate in plates) == pytest.approx(2_000, rel=0.1)
    assert sum(faults.delay_of(plate, SEED) == 4 for plate in plates) == pytest.approx(3_000, rel=0.1)
    assert faults.clock(2_000_000) == 500_000


def test_a_misread_mistakes_one_character_and_can_be_undone():
    faults = Faults(misread_share=1)
    plates = [entering_plate(SEED, n) for n in range(2_000)]
    misread = [(plate, faults.plate_as_read(plate, SEED)) for plate in plates]
    changed = [(plate, read) for plate, read in misread if read != plate]

    assert len(changed) > 1_700  # The others hold nothing that could be mistaken.
    assert all(sum(a != b for a, b in zip(plate, read, strict=True)) == 1 for plate, read in changed)
    assert all(true_plate(read) == plate for plate, read in misread)


@pytest.mark.parametrize(
    ("plate", "reads"), [("AAO2222", {"AA02222"}), ("AAA2228", {"AAA222B"}), ("IAA2225", {"1AA2225", "IAA222S"})]
)
def test_only_characters_that_look_alike_are_mistaken(plate, reads):
    assert {misread_plate(plate, seed) for seed in range(20)} == reads


def test_a_plate_without_such_characters_is_never_misread():
    assert misread_plate("AAA2222", SEED) is None


def test_seeds_shift_the_plates():
    assert entering_plate(1, 0) != entering_plate(2, 0)
    assert stranger_plate(1, 0) != stranger_plate(2, 0)
