"""A sighting is normalised when it is made, and what is no sighting is refused with its reason."""

import json
from datetime import UTC, datetime

import pytest
from parkstream_events import wire
from parkstream_events.decisions import Gate, RecordAcknowledged, RulesChanged, WatermarkAdvanced
from parkstream_events.sightings import (
    Direction,
    VehicleEntered,
    VehicleExited,
    microseconds,
    moment_of,
    normalised_plate,
)
from parkstream_events.summaries import iso_duration
from parkstream_events.wire import Refusal, UnreadableError

ENTERED = {"id": "1", "vehicle_plate": "BMW1", "entry_date_time": "2026-11-24T09:30:00+01:00"}


def body(**changes):
    return json.dumps({name: value for name, value in (ENTERED | changes).items() if value is not None}).encode()


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        ("abc123", "ABC123"),
        (" b-mw 12\t3", "BMW123"),
        ("b\u2013mw\u2014123", "BMW123"),
        ("\uff22\uff2d\uff37\uff11", "BMW1"),
        ("m\u00fc 1", "M\u00dc1"),
        ("mu\u0308 1", "M\u00dc1"),
        ("\u0645\u0635\u0631 12", "\u0645\u0635\u063112"),
        ("stra\u00dfe1", "STRASSE1"),
        ("A" * 16, "A" * 16),
        ("AB_1/2.3", "AB123"),
        ("A\u200bB\u22121", "AB1"),
        ("\u092c\u093e \u0967 \u091a \u0967\u0968\u0969\u096a", "\u092c\u093e\u0967\u091a\u0967\u0968\u0969\u096a"),
        ("\u0e01\u0e34 1234", "\u0e01\u0e341234"),
        ("\u4eacA\u00b712345", "\u4eacA12345"),
        ("A\u200b\u030a1", "\u00c51"),
        ("\u0915\u0941" * 16, "\u0915\u0941" * 16),
    ],
)
def test_a_plate_is_kept_in_one_form(seen, kept):
    assert wire.decode_sighting(wire.ENTERED, body(vehicle_plate=seen)).vehicle_plate == kept


@pytest.mark.parametrize(
    "plate", ["", "  ", "--", "\u200b", "\u0301", "A" * 17, "A\x00B", "A\ue000", "\u00df" * 9, "A" + "\u0941" * 64]
)
def test_what_is_no_plate_is_refused(plate):
    with pytest.raises(UnreadableError) as refused:
        wire.decode_sighting(wire.ENTERED, body(vehicle_plate=plate))
    assert refused.value.reason is Refusal.INVALID_FIELD


def test_a_time_with_a_zone_is_kept_as_utc():
    entered = wire.decode_sighting(wire.ENTERED, body())
    assert entered.event_time == datetime(2026, 11, 24, 8, 30, tzinfo=UTC)
    assert entered.event_time.tzinfo is UTC


def test_microseconds_since_the_epoch_lead_back_to_the_moment():
    moment = datetime(2026, 11, 24, 8, 30, 0, 1, tzinfo=UTC)
    assert moment_of(microseconds(moment)) == moment


def test_unknown_fields_pass_so_that_a_vendor_may_add_some():
    entered = wire.decode(wire.ENTERED, body(lane=2, picture={"url": "http://camera/1", "boxes": [[1, 2], [3, 4]]}))
    assert entered == wire.decode(wire.ENTERED, body())


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (Refusal.INVALID_FIELD, {"id": None}),
        (Refusal.INVALID_FIELD, {"id": ""}),
        (Refusal.INVALID_FIELD, {"id": "x" * 201}),
        (Refusal.INVALID_FIELD, {"id": "a\nb"}),
        (Refusal.INVALID_FIELD, {"id": 7}),
        (Refusal.INVALID_FIELD, {"vehicle_plate": None}),
        (Refusal.INVALID_FIELD, {"entry_date_time": None}),
        (Refusal.INVALID_FIELD, {"entry_date_time": "2026-11-24T09:30:00"}),
        (Refusal.INVALID_FIELD, {"entry_date_time": "yesterday"}),
        (Refusal.INVALID_FIELD, {"entry_date_time": 1795514400}),
        (Refusal.INVALID_FIELD, {"entry_date_time": "0001-01-01T00:00:00+14:00"}),
        (Refusal.INVALID_FIELD, {"confidence": 1.5}),
        (Refusal.TOO_LARGE, {"gate": "x" * wire.BODY_BYTES_MAX}),
    ],
)
def test_a_wrong_field_is_refused(reason, changes):
    with pytest.raises(UnreadableError) as refused:
        wire.decode_sighting(wire.ENTERED, body(**changes))
    assert refused.value.reason is reason
    assert refused.value.detail


@pytest.mark.parametrize(
    "sent",
    [b"", b"not json", b"{", b"\xff\xfe", body()[:-1], b'{"x":' + b"[" * 60_000, b'{"x":' + b"[" * 300 + b"]" * 300],
)
def test_what_is_not_json_is_refused(sent):
    with pytest.raises(UnreadableError) as refused:
        wire.decode_sighting(wire.ENTERED, sent)
    assert refused.value.reason is Refusal.NOT_JSON


def test_brackets_in_a_text_do_not_count_as_nesting():
    assert wire.decode(wire.ENTERED, body(gate="[" * 300 + '\\"' * 9)).gate.startswith("[[[")


@pytest.mark.parametrize("type_", ["vehicle.entered.v3", "vehicle.entered", "", wire.WATERMARK_ADVANCED, "x" * 999])
def test_a_type_that_no_camera_sends_is_refused(type_):
    with pytest.raises(UnreadableError) as refused:
        wire.decode_sighting(type_, body())
    assert refused.value.reason is Refusal.UNKNOWN_TYPE
    assert len(refused.value.detail) < 200


def test_an_exit_is_read_from_its_own_fields():
    exited = wire.decode_sighting(
        wire.EXITED, b'{"id":"1","vehicle_plate":"a","exit_date_time":"2026-11-24T09:30:00Z"}'
    )
    assert exited == VehicleExited("1", "A", datetime(2026, 11, 24, 9, 30, tzinfo=UTC))
    assert exited.direction is Direction.EXIT


def test_a_decision_has_one_id_per_position():
    entry, exit_ = Gate(Direction.ENTRY), Gate(Direction.EXIT, "north")
    assert WatermarkAdvanced([entry], 5, "silence", 7).id == WatermarkAdvanced([exit_], 9, "hold_max", 7).id
    assert WatermarkAdvanced([entry], 5, "silence", 7).id != WatermarkAdvanced([entry], 5, "silence", 8).id
    assert RulesChanged(1, 1, 1, 1, 1, 1, 7).id == "rules:7"
    assert RecordAcknowledged(7, "why").id == "acknowledged:7"


@pytest.mark.parametrize("plate", ["unknown", "No-Plate", "NOPLATE"])
def test_what_stands_for_a_plate_that_was_not_read_is_refused(plate):
    with pytest.raises(UnreadableError) as refused:
        wire.decode_sighting(wire.ENTERED, body(vehicle_plate=plate))
    assert refused.value.reason is Refusal.NO_PLATE
    assert wire.decode(wire.ENTERED, body(vehicle_plate=plate)).vehicle_plate == normalised_plate(plate)


def test_what_stands_for_no_plate_is_a_setting():
    assert wire.decode_sighting(wire.ENTERED, body(vehicle_plate="UNKNOWN"), frozenset()).vehicle_plate == "UNKNOWN"
    with pytest.raises(UnreadableError):
        wire.decode_sighting(wire.ENTERED, body(vehicle_plate="n/a"), frozenset({"NA"}))


def test_a_struct_made_by_hand_is_normalised_like_one_that_was_read():
    assert VehicleEntered("1", "b-mw 1", datetime(2026, 11, 24, 8, 30, tzinfo=UTC)) == wire.decode(wire.ENTERED, body())


@pytest.mark.parametrize(
    ("milliseconds", "duration"),
    [
        (0, "PT0S"),
        (1, "PT0.001S"),
        (250, "PT0.25S"),
        (1_000, "PT1S"),
        (60_000, "PT1M"),
        (61_500, "PT1M1.5S"),
        (5_400_000, "PT1H30M"),
        (3_600_000, "PT1H"),
        (3_600_500, "PT1H0.5S"),
        (172_800_000, "PT48H"),
    ],
)
def test_a_duration_is_written_as_iso_8601(milliseconds, duration):
    assert iso_duration(milliseconds) == duration
