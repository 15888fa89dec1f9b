"""The rules of docs/architecture.md, "Visits are a function of the set of sightings", row by row.

A row is a story: ``IN 10`` is an entry that happened at 10 s and is recorded at once, ``OUT 9 @15`` an exit of 9 s
that is recorded at 15 s; ``/n`` names its gate; ``silence IN OUT/n 30`` is the decision at 30 s that these gates are
silent. What follows the arrow is what is emitted at that record, in order. The rules in force: duplicate window 3 s,
maximum stay 50 s, allowed lateness 4 s, finality 20,000 s. B2 is another car.
"""

import pytest
from parkstream_events.decisions import Gate, WatermarkAdvanced
from parkstream_events.sightings import Direction
from parkstream_visits import RecordedEvent, Rules, summary_of
from visits_histories import START, UNIT, Emissions, Pass

ROWS = {
    "an exit after its entry completes the visit at once": "IN 10 → | OUT 20 → completed#1",
    "nothing is emitted while the car is inside": "IN 10 →",
    "an exit without an entry is pending": "OUT 20 →",
    "when both gates have reported beyond the lateness the entry was missed":
        "OUT 20 → | IN 24 B2 → | IN 25 B2 → | OUT 25 B2 → completed#1 entry_missed#1",
    "an entry within the lateness completes the pending exit": "OUT 20 @20 → | IN 10 @23 → completed#1",
    "an entry later than that corrects what was emitted":
        "OUT 20 → | OUT 30 B2 → | IN 31 B2 → entry_missed#1 | IN 10 @31 → completed#2",
    "a second entry makes the first an exit_missed when all have caught up":
        "IN 10 → | IN 20 → | OUT 25 B2 → | IN 25 B2 → completed#1 exit_missed#1",
    "an exit that was late takes the visit back from exit_missed":
        "IN 10 → | IN 20 → | OUT 30 B2 → | IN 31 B2 → exit_missed#1 | OUT 15 @31 → completed#1 retracted#2",
    "a stay of exactly the maximum is completed": "IN 10 → | OUT 60 → completed#1",
    "a stay beyond the maximum is missed at both ends, each when it can be":
        "IN 10 → | OUT 61 → | OUT 65 B2 → | IN 65 C3 → exit_missed#1 | OUT 67 C3 → completed#1"
        " | IN 67 D4 → entry_missed#1",
    "a read again within the window is a duplicate, the first counts":
        "IN 10 → | IN 12 → | OUT 20 → completed#1 from 10",
    "the window slides with each read": "IN 10 → | IN 12 → | IN 14 → | IN 16 → | OUT 20 → completed#1 from 10",
    "a read at the window's end is a new entry":
        "IN 10 → | IN 13 → | OUT 20 → completed#1 from 13 | IN 18 B2 → exit_missed#1",
    "a duplicate exit is of no visit of its own": "IN 10 → | OUT 20 → completed#1 | OUT 22 → | OUT 24 → | IN 99 B2 →",
    "the same sighting twice changes nothing": "IN 10 → | OUT 20 → completed#1 | OUT 20 →",
    "an earlier read that comes late becomes the visit's exit":
        "IN 10 → | OUT 22 → completed#1 | OUT 21 @23 → completed#1 retracted#2",
    "a camera with its clock in the future moves no watermark beyond now":
        "OUT 20 → | IN 900 B2 @22 → | OUT 900 C3 @22 →",
    "what a fast clock reports waits no longer than for its recording":
        "OUT 900 @20 → | IN 25 B2 → | OUT 25 C3 → entry_missed#1",
    "silence says what the missing gate can no longer report": "OUT 20 → | silence IN OUT 30 → entry_missed#1",
    "silence within the lateness releases nothing": "OUT 20 → | silence IN OUT 24 →",
    "silence of one gate leaves the other to be waited for":
        "OUT 20 → | silence IN 99 → | OUT 24 B2 → | OUT 25 C3 → entry_missed#1",
    "silence is void when a gate has reported since": "OUT 20 → | IN 21 B2 → | silence IN OUT 99 as of 2 →",
    "of two gates the slower one is waited for":
        "IN 9/n B2 → | IN 9/s C3 → | silence IN OUT 9 → | OUT 20 → | IN 30/n D4 → | OUT 30 D4 → completed#1"
        " | IN 26/s E5 @31 → entry_missed#1",
    "a gate that comes back with what is old does not count until it has caught up":
        "IN 9/n B2 → | silence IN IN/n OUT 9 → | OUT 20 → | IN 30/n C3 → | OUT 30 C3 → completed#1 entry_missed#1"
        " | IN 19/s D4 @31 → | OUT 40 E5 → | IN 46/n F6 → | OUT 46 F6 → completed#1 entry_missed#1",
    "entries sort before exits of the same moment": "OUT 20 → | IN 20 @20 → completed#1",
    "a sighting after finality is kept out":
        "OUT 20 → | IN 10 @30000 → | IN 30001 B2 → | OUT 30002 C3 → entry_missed#1",
}  # fmt: skip


def gates_of(words: list[str]) -> list[Gate]:
    return [Gate(Direction(("IN", "OUT").index(word.partition("/")[0])), word.partition("/")[2]) for word in words]


def step(told: Emissions, text: str) -> list[str]:
    words = text.split()
    if words[0] == "silence":
        named = [word for word in words[1:] if word.startswith(("IN", "OUT"))]
        at, *rest = words[1 + len(named) :]
        as_of = int(rest[-1]) if rest else told.position
        decided = WatermarkAdvanced(gates_of(named), START + int(at) * UNIT, "silence", as_of)
        return list(map(str, told.decide(decided, int(at))))
    plates = [w for w in words[2:] if not w.startswith("@")] or ["A1"]
    at, _, gate = words[1].partition("/")
    recorded = next((int(w[1:]) for w in words if w.startswith("@")), int(at))
    way = ("IN", "OUT").index(words[0])
    return told.take(Pass(int(at), way, at, *plates, gate).fact(0, recorded))


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
    assert told.current("A1") == {Pass(40, 1, "c").visit_id: ("completed", "a", "c")}
    told.to_the_end()
    assert told.current("B2") == {
        Pass(10, 0, "b").visit_id: ("exit_missed", "b", None),
        Pass(40, 1, "d").visit_id: ("entry_missed", None, "d"),
    }


def test_a_retraction_names_the_visit_that_took_its_place():
    told = Emissions().see(Pass(10, 0, "a"), recorded=10).see(Pass(22, 1, "late"), recorded=22)
    told.see(Pass(21, 1, "early"), recorded=23)
    retracted = told.emitted[-1]
    late, early = Pass(22, 1, "late").visit_id, Pass(21, 1, "early").visit_id
    assert (retracted.outcome, retracted.visit_id, retracted.superseded_by) == ("retracted", late, early)


def test_one_id_on_two_days_is_two_events_and_two_visits():
    day = 15_000
    told = Emissions().see(Pass(10, 0, "17"), Pass(20, 1, "17"), Pass(10 + day, 0, "17"), Pass(20 + day, 1, "17"))
    visits = {Pass(20, 1, "17").visit_id, Pass(20 + day, 1, "17").visit_id}
    assert told.current("A1") == dict.fromkeys(visits, ("completed", "17", "17"))


def test_a_summary_counts_duplicate_reads_and_lists_ten():
    reads = [Pass(n, 0, f"r{n}") for n in range(0, 30, 2)]
    (emitted,) = Emissions().see(*reads, Pass(40, 1, "out")).emitted
    summary = summary_of(emitted)
    assert (summary.duplicate_reads, summary.duplicate_event_ids) == (14, tuple(f"r{n}" for n in range(2, 22, 2)))
