"""What a version of an event takes never changes: the log holds bodies of every version for ever."""

import json

import msgspec
import pytest
from event_schemas import PINNED, problem, schema_of
from parkstream_events import wire
from parkstream_events.sightings import EventId, ZonedTime


@pytest.mark.parametrize("type_", wire.BODIES)
def test_a_version_takes_what_it_took_when_it_was_first_written(type_):
    found = problem(type_, wire.BODIES[type_])
    assert not found, found


def test_every_pinned_version_can_still_be_read():
    assert {file.stem for file in PINNED.glob("*.json")} == set(wire.BODIES)


class Renamed(msgspec.Struct):
    """As an exit of version 1, but for the plate's name, and without the optional fields."""

    id: EventId
    plate: str
    exit_date_time: ZonedTime


def test_a_changed_event_fails_and_says_what_to_do():
    found = problem(wire.EXITED, Renamed)
    assert "write the change as the next version, vehicle.exited.v2" in found
    assert "What changed: confidence is gone, gate is gone, vehicle_plate is gone, plate is new" in found
    assert "docs/changing-events.md" in found


def test_a_new_version_without_a_pinned_schema_fails_and_says_what_to_write():
    found = problem("vehicle.exited.v99", Renamed)
    assert "Write this to tests/contract/golden/schemas/vehicle.exited.v99.json" in found
    assert '"exit_date_time"' in found


class Short(msgspec.Struct):
    id: EventId
    text: str = ""


@pytest.mark.parametrize(
    ("field", "required", "change"),
    [
        ({"type": "string"}, ["id", "text"], "which fields are required"),
        ({"type": "integer"}, ["id"], "text takes other values"),
    ],
)
def test_a_field_that_becomes_optional_or_takes_other_values_is_a_change_too(
    field, required, change, tmp_path, monkeypatch
):
    monkeypatch.setattr("event_schemas.PINNED", tmp_path)
    schema = schema_of(Short)
    (tmp_path / "short.v1.json").write_text(json.dumps(schema))
    assert problem("short.v1", Short) == ""
    pinned = {**schema, "properties": {**schema["properties"], "text": {**field, "default": ""}}, "required": required}
    (tmp_path / "short.v1.json").write_text(json.dumps(pinned))
    assert f"What changed: {change}" in problem("short.v1", Short)
