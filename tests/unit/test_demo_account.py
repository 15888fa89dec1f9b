"""The demo's account is made from a file that is read independently, and it must find what is wrong."""

import json

import pytest
from parkstream_devtools.pipeline.account import Milliseconds, Published, account, equations
from parkstream_devtools.pipeline.summary_file import first_lines, tally

PUBLISHED = Published(entries=3, exits=3, matched=2, unmatched=1)


def line(visit, revision=1, outcome="completed", exit_="same"):
    moment = "2026-11-24T08:30:00Z"
    exit_id = visit if exit_ == "same" else exit_
    return json.dumps(
        {
            "visit_id": f"exit:{visit}",
            "revision": revision,
            "outcome": outcome,
            "vehicle_plate": "A1",
            "entry_date_time": moment if outcome == "completed" else None,
            "exit_date_time": moment,
            "duration": "PT0S",
            "duration_ms": 0,
            "entry_event_id": None,
            "exit_event_id": exit_id,
            "position": 1,
            "superseded_by": None,
        }
    )


GOOD = [line("1"), line("2"), line("3", outcome="entry_missed")]


@pytest.fixture
def file(tmp_path):
    def write(*lines, end="\n"):
        path = tmp_path / "summaries.jsonl"
        path.write_text("\n".join(lines) + end)
        return path

    return write


def wrong(path, *, published=PUBLISHED, **found):
    usual = {"waiting": 0, "emitted": 3, "recorded": (3, 3), "dead": 0}
    lines = equations(published, tally(path), **usual | found)
    return [line.says for line in lines if not line.holds]


def test_one_summary_per_exit_balances(file):
    assert wrong(file(*GOOD)) == []


def test_a_revision_counts_as_a_line_but_not_as_another_visit(file):
    revised = [line("1", outcome="entry_missed"), line("1", revision=2), *GOOD[1:]]
    assert wrong(file(*revised), emitted=4) == []


def test_revisions_may_stand_in_any_order(file):
    revised = [line("1", revision=2), line("1", outcome="entry_missed"), *GOOD[1:]]
    assert tally(file(*revised)).completed == 2


def test_an_exit_without_summary_is_missing(file):
    path = file(*GOOD[:2])
    assert "cars seen leaving that are missing on disk" in wrong(path, emitted=2)
    assert account(PUBLISHED, tally(path), to_disk=(Milliseconds(), Milliseconds()), file="").missing == 1


def test_a_line_that_stands_there_twice_is_a_duplicate(file):
    assert "duplicated or torn lines" in wrong(file(*GOOD, GOOD[0]), emitted=4)


def test_an_exit_in_two_current_visits_is_a_duplicate(file):
    assert "duplicated or torn lines" in wrong(file(*GOOD, line("4", exit_="1")), emitted=4)


def test_the_same_id_at_another_time_is_another_exit(file):
    earlier = GOOD[0].replace("08:30:00", "08:29:59").replace("exit:1", "exit:1@2")
    assert wrong(file(*GOOD[1:], line("5", exit_="1").replace("exit:5", "exit:1@1"), earlier), emitted=4) == [
        "cars seen leaving = completed + entry_missed",
        "exits with an entry = completed",
        "cars seen leaving that are missing on disk",
    ]


def test_a_missing_and_a_repeated_exit_do_not_cancel_out(file):
    path = file(GOOD[0], GOOD[1], line("4", exit_="1"))
    assert len(wrong(path)) >= 2


def test_what_still_waits_makes_no_balance(file):
    assert wrong(file(*GOOD), waiting=1) == ["on its way or pending"]


def test_a_torn_last_line_is_not_counted_as_a_line(file):
    path = file(*GOOD, GOOD[0][:40], end="")
    assert tally(path).torn_lines == 1
    assert tally(path).lines == 3
    assert wrong(path) == ["duplicated or torn lines"]


def test_a_retracted_visit_no_longer_counts(file):
    revised = [*GOOD, line("4", exit_="1"), line("4", revision=2, outcome="retracted", exit_="1")]
    assert wrong(file(*revised), emitted=5) == []


def test_a_car_that_never_left_counts_as_a_visit_without_exit(file):
    found = tally(file(*GOOD, line("5", outcome="exit_missed", exit_=None)))
    assert (found.exit_missed, found.exits, found.visits) == (1, 3, 4)


@pytest.mark.parametrize(
    ("published", "word"),
    [({"entries": 4}, "entries"), ({"exits": 4}, "exits"), ({"matched": 3, "unmatched": 0}, "with")],
)
def test_what_the_cameras_say_must_agree(file, published, word):
    said = Published(**({"entries": 3, "exits": 3, "matched": 2, "unmatched": 1} | published))
    assert any(word in says for says in wrong(file(*GOOD), published=said))


def test_a_duplicate_read_is_no_further_car(file):
    creeping = Published(entries=5, exits=12, matched=2, unmatched=1)
    assert wrong(file(*GOOD), published=creeping, recorded=(5, 12)) == []
    drawn = account(creeping, tally(file(*GOOD)), to_disk=(Milliseconds(), Milliseconds()), file="")
    assert (drawn.exits_published, drawn.duplicate_exit_reads, drawn.missing) == (12, 9, 0)


@pytest.mark.parametrize(("dead", "balances"), [(0, False), (1, False), (2, True), (3, False)])
def test_each_read_without_a_plate_is_a_dead_letter_and_there_are_no_others(file, dead, balances):
    said = Published(entries=3, exits=3, matched=2, unmatched=1, placeholders=2)
    assert wrong(file(*GOOD), published=said, dead=dead) == (
        [] if balances else ["reads without a plate = dead letters"]
    )


def test_the_account_has_the_matched_share(file):
    drawn = account(PUBLISHED, tally(file(*GOOD)), to_disk=(Milliseconds(1.0), Milliseconds()), file="here")
    assert (drawn.matched_share, drawn.completed, drawn.entry_missed, drawn.lines) == (0.6667, 2, 1, 3)
    assert (drawn.missing, drawn.duplicated, drawn.summary_file) == (0, 0, "here")


def test_an_empty_file_gives_an_empty_account(tmp_path):
    path = tmp_path / "summaries.jsonl"
    path.touch()
    drawn = account(
        Published(entries=0, exits=0, matched=0, unmatched=0),
        tally(path),
        to_disk=(Milliseconds(), Milliseconds()),
        file="",
    )
    assert drawn.matched_share == 0.0


def test_the_first_lines_are_shown_as_they_stand(file):
    assert first_lines(file(*GOOD), 2) == GOOD[:2]
