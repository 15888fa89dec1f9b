"""What is on the wire and in the log stays readable: each file pins one version, as received and as we write it."""

import json
from pathlib import Path

import msgspec
import pytest
from parkstream_events import wire
from parkstream_events.sightings import VehicleEntered, moment_of
from parkstream_events.summaries import Summary, SummaryItem

GOLDEN = Path(__file__).parent / "golden"
EVENTS = sorted(path.stem for path in GOLDEN.glob("*.v*.json"))
SUMMARIES = {"summary.line": Summary, "summary.item": SummaryItem}


def golden(name):
    return json.loads((GOLDEN / f"{name}.json").read_text())


def test_every_type_that_can_be_read_is_pinned():
    assert set(EVENTS) == set(wire._DECODERS)


@pytest.mark.parametrize("name", EVENTS)
def test_a_pinned_body_is_still_read_as_the_same_event(name):
    pinned = golden(name)
    event = wire.decode(name, pinned["received"].encode())
    assert msgspec.to_builtins(event) == {name: value for name, value in pinned["event"].items() if value is not None}


@pytest.mark.parametrize("name", [name for name in EVENTS if name in wire._TYPES.values()])
def test_an_event_is_still_written_as_the_same_bytes(name):
    pinned = golden(name)
    event = wire.decode(name, pinned["received"].encode())
    assert wire.type_of(event) == name
    assert wire.encode(event).decode() == pinned["written"]


@pytest.mark.parametrize("name", EVENTS)
def test_what_is_written_is_read_back_as_the_same_event(name):
    pinned = golden(name)
    event = wire.decode(name, pinned["received"].encode())
    assert wire.decode(wire.type_of(event), wire.encode(event)) == event


@pytest.mark.parametrize(("name", "type_"), SUMMARIES.items())
def test_a_summary_is_read_and_written_as_pinned(name, type_):
    pinned = golden(name)
    summary = msgspec.json.decode(pinned["received"], type=type_)
    assert json.loads(msgspec.json.encode(summary)) == pinned["event"]
    assert msgspec.json.encode(summary).decode() == pinned["written"]


class EnteredV0(msgspec.Struct):
    """A shape that the entry event might have had before: a time in seconds, the plate under another name."""

    id: str
    plate: str
    at: float


def upcast(old: EnteredV0) -> VehicleEntered:
    return VehicleEntered(old.id, old.plate, moment_of(round(old.at * 1_000_000)))


@pytest.fixture
def old_version(monkeypatch):
    monkeypatch.setitem(wire._DECODERS, "vehicle.entered.v0", wire.reader(EnteredV0, upcast))
    return "vehicle.entered.v0"


def test_an_old_version_is_read_as_todays_event(old_version):
    event = wire.decode(old_version, b'{"id":"1","plate":"b-mw 1","at":12.5}')
    assert wire.type_of(event) == wire.ENTERED
    assert wire.encode(event) == b'{"id":"1","vehicle_plate":"BMW1","entry_date_time":"1970-01-01T00:00:12.500000Z"}'


@pytest.mark.parametrize("body", [b'{"id":"1","plate":"?!","at":12.5}', b'{"id":"1","at":12.5}'])
def test_what_cannot_be_upcast_is_unreadable_like_any_other(old_version, body):
    with pytest.raises(wire.UnreadableError) as refused:
        wire.decode(old_version, body)
    assert refused.value.reason is wire.Refusal.INVALID_FIELD
