"""Whatever a camera writes, a plate has one form, or there is none."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_events.sightings import PLATE_LENGTH_MAX, PLATE_MARKED_LENGTH_MAX, normalised_plate

scripts = st.text(
    st.characters(categories=["L", "M", "N", "Z", "P", "S", "Cf"], exclude_characters="\u0130"), min_size=1, max_size=24
)


def normal(plate: str) -> str | None:
    try:
        return normalised_plate(plate)
    except ValueError:
        return None


@settings(max_examples=3_000, deadline=None)
@given(scripts)
def test_a_plate_has_one_form(plate):
    kept = normal(plate)
    if kept is None:
        return
    assert normal(kept) == kept
    assert {unicodedata.category(c)[0] for c in kept} <= {"L", "M", "N"}
    assert sum(unicodedata.category(c)[0] != "M" for c in kept) <= PLATE_LENGTH_MAX
    assert len(kept) <= PLATE_MARKED_LENGTH_MAX


@settings(max_examples=1_000, deadline=None)
@given(
    st.text(st.characters(categories=["Lu", "Nd"]), min_size=1, max_size=8), st.sampled_from(" -\u00b7\u200b\u2212_.")
)
def test_how_a_plate_is_laid_out_makes_no_difference(plate, between):
    assert normal(between.join(plate)) == normal(plate)
