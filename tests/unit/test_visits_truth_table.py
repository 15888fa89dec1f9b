"""The rules of docs/architecture.md, "How visits are decided", row by row.

A row is a story: ``IN 10`` is an entry that happened at 10 s and is recorded at once, ``OUT 9 @15`` an exit of 9 s
that is recorded at 15 s; ``silence IN 30`` is the decision that entries are reported up to 30 s. What follows the
arrow is what is said at that record, in order. The rules in force: duplicate window 3 s, maximum stay 50 s, allowed
lateness 4 s, finality 20,000 s.
"""

import pytest
from parkstream_events.decisions import WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_visits import RecordedEvent, Rules
from visits_histories import START, UNIT, Emissions, Pass

ROWS = {
    "an exit after its entry completes the visit at once": "IN 10 → | OUT 20 → completed#1",
    "an entry is silent while the car is inside": "IN 10 →",
    "an exit without an entry is held": "OUT 20 →",
    "an entry of another car that lies beyond the lateness says that the entry was missed":
        "OUT 20 → | IN 24 B2 → | IN 25 B2 → entry_missed#1",
    "an entry within the lateness completes the held exit": "OUT 20 @20 → | IN 10 @23 → completed#1",
    "an entry later than that corrects what was said": "OUT 20 → | IN 30 B2 → entry_missed#1 | IN 10 @31 → completed#2",
    "a second entry makes the first an exit_missed when exits have caught up":
        "IN 10 → | IN 20 → | OUT 24 B2 → | OUT 25 B2 → exit_missed#1",
    "an exit that was late takes the visit back from exit_missed":
        "IN 10 → | IN 20 → | OUT 30 B2 → exit_missed#1 | OUT 15 @31 → completed#1 retracted#2",
    "a stay of exactly the maximum is completed": "IN 10 → | OUT 60 → completed#1",
    "a stay beyond the maximum is missed at both ends, each when its direction has caught up":
        "IN 10 → | OUT 61 → | OUT 65 B2 → exit_missed#1 | IN 66 B2 → entry_missed#1",
    "a read again within the window is a duplicate, the first counts":
        "IN 10 → | IN 12 → | OUT 20 → completed#1 from 10",
    "a read at the window's end is a new entry": "IN 10 → | IN 13 → | OUT 20 → exit_missed#1 completed#1 from 13",
    "a duplicate exit is said of nobody": "IN 10 → | OUT 20 → completed#1 | OUT 22 → | IN 99 B2 →",
    "the same sighting twice changes nothing": "IN 10 → | OUT 20 → completed#1 | OUT 20 →",
    "an earlier read that comes late becomes the visit's exit":
        "IN 10 → | OUT 22 → completed#1 | OUT 21 @23 → completed#1 retracted#2",
    "a camera with its clock in the future moves no watermark beyond now": "OUT 20 → | IN 900 B2 @22 →",
    "silence says what the missing direction can no longer report": "OUT 20 → | silence IN 30 → entry_missed#1",
    "silence within the lateness says nothing": "OUT 20 → | silence IN 24 →",
    "silence of the other direction says nothing": "OUT 20 → | silence OUT 99 →",
    "entries sort before exits of the same moment": "OUT 20 → | IN 20 @20 → completed#1",
    "a sighting after finality is kept out": "OUT 20 → | IN 10 @30000 → | IN 30001 B2 → entry_missed#1",
}  # fmt: skip


def step(told: Emissions, text: str) -> list[str]:
    words = text.split()
    if words[0] == "silence":
        direction = Direction.ENTRY if words[1] == "IN" else Direction.EXIT
        event = WatermarkAdvanced(direction, START + int(words[2]) * UNIT, "silence", told.position)
        return list(map(str, told.take(RecordedEvent(0, START + int(words[2]) * UNIT, None, None, event))))
    plates = [w for w in words[2:] if not w.startswith("@")]
    recorded = next((int(w[1:]) for w in words if w.startswith("@")), int(words[1]))
    way, at = ("IN", "OUT").index(words[0]), int(words[1])
    return told.take(Pass(at, way, f"{at}", *plates).fact(0, recorded))


def said_of(spoken, wanted: str) -> str:
    from_ = (
        f" from {(spoken.entry.at_us - START) // UNIT}" if " from " in wanted and spoken.outcome == "completed" else ""
    )
    return f"{spoken.outcome}#{spoken.revision}{from_}"


@pytest.mark.parametrize("story", ROWS.values(), ids=ROWS.keys())
def test_the_truth_table(story):
    told = Emissions()
    for part in story.split(" | "):
        text, wanted = (side.strip() for side in (part + " ").split("→"))
        before = len(told.emitted)
        step(told, text)
        assert " ".join(said_of(s, wanted) for s in told.emitted[before:]) == wanted, text


def test_a_changed_setting_never_rewrites_history():
    told = Emissions()
    told.see(Pass(10, 0, "a"), recorded=10)
    short = Rules(3 * UNIT, 5 * UNIT, 4 * UNIT, 5 * UNIT, 60 * UNIT, 20_000 * UNIT)
    told.take(RecordedEvent(0, START + 11 * UNIT, None, None, short.changed(told.position)))
    told.see(Pass(10, 0, "b", "B2"), recorded=12)
    told.see(Pass(40, 1, "c"), Pass(40, 1, "d", "B2"), recorded=40)
    assert told.current("A1") == {"exit:c": ("completed", "a", "c")}
    told.to_the_end()
    assert told.current("B2") == {
        "entry:b": ("exit_missed", "b", None),
        "exit:d": ("entry_missed", None, "d"),
    }


def test_a_retraction_names_the_visit_that_took_its_place():
    told = Emissions().see(Pass(10, 0, "a"), recorded=10).see(Pass(22, 1, "late"), recorded=22)
    told.see(Pass(21, 1, "early"), recorded=23)
    retracted = told.emitted[-1]
    assert (retracted.outcome, retracted.visit_id, retracted.superseded_by) == ("retracted", "exit:late", "exit:early")
