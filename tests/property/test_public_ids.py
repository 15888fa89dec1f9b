"""Whatever an id is made of, it goes out hashed when the plate can be read in it, or decoded out of it."""

import unicodedata
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from typing import Final
from urllib.parse import quote
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parkstream_events.sightings import normalised_plate
from parkstream_telemetry.plates import GateNames, plate_key, public_id

KEY: Final = plate_key("test")
FORMS: Final[dict[str, Callable[[str], str]]] = {
    "as it is": str,
    "decomposed": lambda plate: unicodedata.normalize("NFD", plate),
    "laid out": " ".join,
    "invisibly": "\u200d".join,
    "accented at its end": lambda plate: f"{plate}\u0301",
    "percent": quote,
    "entities": lambda plate: "".join(f"&#{ord(one)};" for one in plate),
    "escaped": lambda plate: plate.encode("unicode_escape").decode(),
    "hexadecimal": lambda plate: plate.encode().hex(),
    "base64": lambda plate: b64encode(plate.encode()).decode(),
    "base64 without its end": lambda plate: urlsafe_b64encode(f"x{plate}".encode()).decode().rstrip("="),
}
PLATES: Final = st.one_of(
    st.text(st.characters(categories=["Lu", "Nd"], max_codepoint=0x7F), min_size=4, max_size=10),
    st.text(st.characters(categories=["L", "N"], exclude_characters="\u0130"), min_size=3, max_size=10),
    st.sampled_from(["京A·98765", "बा १ च ४७११", "กข๑๒๓๔", "٤٧١١ أ ب ج", "ДУБ-4714", "한A12", "ÄÖ-Ü 12"]),
)
AROUND: Final = ["{}", "cam-7/{}/out", "{}#1", "exit:{}@1767222000000000"]


@settings(max_examples=800, deadline=None)
@given(PLATES, st.sampled_from(sorted(FORMS)), st.sampled_from(AROUND), st.sampled_from([str, str.lower]))
def test_an_id_that_holds_its_plate_is_hashed(plate: str, form: str, around: str, write: Callable[[str], str]):
    try:
        kept = normalised_plate(plate)
    except ValueError:
        return
    id_ = around.format(FORMS[form](write(plate)))
    if normalised_plate(write(plate)) == kept:  # A few letters are others in lower case.
        assert public_id(id_, kept, KEY) != id_
    assert public_id(id_, None, KEY) != id_


@settings(max_examples=200)
@given(st.uuids(version=4), st.sampled_from(AROUND))
def test_an_id_that_does_not_stays_readable(uuid: UUID, around: str):
    assert public_id(around.format(uuid), "QZX4711", KEY) == around.format(uuid)
    assert {public_id(one, None, KEY) for one in (str(uuid), uuid.hex)} == {str(uuid), uuid.hex}


@pytest.mark.parametrize("id_", ["plain-17", "4711", "cam-7/0012345", "2026-11-30/000123", "eyJhIjoxfQ=="])
def test_what_is_no_uuid_stays_readable_too(id_: str):
    assert public_id(id_, "QZX4715", KEY) == id_


def test_a_plate_need_not_be_normal():
    assert public_id("QZX4711", "qzx 47-11", KEY) != "QZX4711"


def test_what_python_alone_takes_for_a_uuid_may_be_made_of_plates():
    for id_ in ("٤٧١١" * 8, "AB12CD34" * 4, "{" + "AB12CD34" * 4 + "}", "urn:uuid:" + "ab12cd34" * 4):
        assert UUID(id_)
        assert public_id(id_, None, KEY) != id_


def test_a_gate_is_called_by_its_name_until_that_names_a_plate():
    shown = GateNames(KEY)
    assert shown("QZX 4711") == "QZX 4711"
    hashed = shown("QZX 4711", "QZX4711")
    assert hashed != "QZX 4711"
    assert shown("QZX 4711", "AB12") == shown("QZX 4711") == hashed
    assert shown("north", "QZX4711") == shown("north") == "north"
