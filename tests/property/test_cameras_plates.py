"""Plates, whatever the seeds and however many cars."""

from hypothesis import given
from hypothesis import strategies as st
from parkstream_events.sightings import normalised_plate
from parkstream_generators.chance import drawn, drawn_normal
from parkstream_generators.matched_share import Matching
from parkstream_generators.plates import entering_plate, misread_plate, stranger_plate, true_plate

seeds = st.integers(0, 2**62)
numbers = st.integers(0, 10**9)
ENTERING = 21 * 26**2 * 10_000
STRANGERS = 5 * 26**2 * 10_000


@given(seeds, numbers)
def test_every_plate_is_normal_already(seed, number):
    for plate in (entering_plate(seed, number), stranger_plate(seed, number)):
        assert normalised_plate(plate) == plate
        assert true_plate(plate) == plate


@given(seeds, numbers, seeds, numbers)
def test_no_stranger_has_the_plate_of_a_car_that_enters(seed, number, other_seed, other_number):
    assert entering_plate(seed, number) != stranger_plate(other_seed, other_number)


@given(seeds, numbers, st.integers(1, ENTERING - 1))
def test_no_entering_plate_repeats_within_its_range(seed, number, later):
    assert entering_plate(seed, number) != entering_plate(seed, number + later)


@given(seeds, numbers, st.integers(1, STRANGERS - 1))
def test_no_stranger_repeats_within_its_range(seed, number, later):
    assert stranger_plate(seed, number) != stranger_plate(seed, number + later)


@given(seeds, numbers, seeds, numbers)
def test_a_misread_plate_is_nobody_elses(seed, number, other_seed, other_number):
    plate = entering_plate(seed, number)
    read = misread_plate(plate, seed)
    if read is not None:
        assert normalised_plate(read) == read
        assert true_plate(read) == plate
        assert read not in {entering_plate(other_seed, other_number), stranger_plate(other_seed, other_number)}
        assert true_plate(entering_plate(other_seed, other_number)) != read


@given(seeds, st.text(), numbers)
def test_draws_stay_in_their_bounds(seed, purpose, subject):
    assert 0 <= drawn(seed, purpose, subject) < 1
    assert abs(drawn_normal(seed, purpose, subject)) < 7


@given(st.floats(0.01, 1), seeds, numbers)
def test_matching_answers_for_every_share(share, seed, number):
    for exact in (True, False):
        assert Matching(share, seed, exact=exact).matches(number) in {True, False}


@given(seeds, st.integers(0, 10**6))
def test_every_block_of_five_has_one_stranger(seed, block):
    matching = Matching(0.8, seed, exact=True)
    assert sum(matching.matches(5 * block + place) for place in range(5)) == 4
