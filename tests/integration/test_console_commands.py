"""Ids and plates that look like markup go through every command that reads the log as they are."""

import pytest
from parkstream_events.sightings import Direction
from parkstream_events.summaries import Summary
from parkstream_events.wire import encode
from projections import HOUR, SECOND, Mall, now_us, project, sighting

MINUTE = 60 * SECOND
ENTRY, EXIT = "gate[/2]-8", ":car:[bold]-9[/bold]"
STRANGER = "exit:other[/x]"
READERS = [
    ("log", "tail"),
    ("log", "show", "1"),
    ("log", "find", "--id", ENTRY),
    ("visit", "CAR1"),
    ("visit", f"exit:{EXIT}"),
    ("replay", "--to", "1", "--inside", "--plate", "CAR1"),
    ("replay", "--set", "MAX_STAY_SECONDS=1"),
]


@pytest.fixture
async def odd(shop: Mall) -> Mall:
    """A car whose ids are full of brackets came and went."""
    came = now_us() - HOUR
    await shop.log.append([sighting(Direction.ENTRY, ENTRY, "CAR1", came)])
    await shop.log.append([sighting(Direction.EXIT, EXIT, "CAR1", came + MINUTE)])
    await project(shop.projector())
    return shop


@pytest.mark.parametrize("words", READERS, ids=" ".join)
async def test_an_id_is_printed_as_it_is(odd, parkstream, words):
    answer = parkstream(*words)
    assert (answer.code, answer.err) == (0, "")
    printed = "".join(answer.out.replace("│", "").split())
    assert any(id_ in printed for id_ in (ENTRY, EXIT)), answer.out


async def test_findings_name_ids_as_they_are(odd, parkstream, tmp_path):
    file = tmp_path / "summaries.jsonl"
    (emitted,) = [item for _, item in await odd.emitted()]
    there = {name: getattr(emitted, name) for name in Summary.__struct_fields__} | {"visit_id": STRANGER}
    file.write_bytes(encode(Summary(**there)) + b"\n")
    answer = parkstream("log", "verify", "--summaries", str(file))
    assert answer.code == 1
    assert STRANGER in answer.out
