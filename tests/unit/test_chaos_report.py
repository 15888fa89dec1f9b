"""Lines of campaigns add up, and their table says so."""

from pathlib import Path

import pytest

from chaos import report
from chaos.ledger import NAME, Ledger, LedgerError, Line
from chaos.report import report_of, table


def line(  # noqa: PLR0913 - options by name
    kind: str,
    *,
    seed: int = 1,
    recover_ms: float = 0.0,
    broken: tuple[str, ...] = (),
    lost: int = 0,
    without_replicas: bool = False,
) -> Line:
    return Line(
        at=f"2026-11-30T00:00:{seed:02}+00:00",
        seed=seed,
        position=1,
        kind=kind,
        hits="it",
        events=100,
        events_so_far=100,
        recover_ms=recover_ms,
        broken=list(broken),
        lost=lost,
        without_replicas=without_replicas,
    )


LINES = [
    line("a-killed", recover_ms=1_000.0),
    line("a-killed", recover_ms=3_000.0),
    line("a-killed", seed=2, recover_ms=8_000.0),
    line("b-frozen", seed=2, recover_ms=500.0, broken=("it is lost",)),
]


def test_runs_faults_sightings_and_failures_are_added_up():
    found = report_of(LINES)
    assert (found.runs, found.faults, found.events, found.failures) == (2, 4, 400, 1)
    assert found.broken == [LINES[3]]


def test_the_time_to_recover_is_that_of_what_recovered():
    killed, frozen = report_of(LINES).kinds
    assert (killed.faults, killed.median_ms, killed.worst_ms, killed.failures) == (3, 3_000.0, 8_000.0, 0)
    assert (frozen.faults, frozen.median_ms, frozen.failures) == (1, 0.0, 1)


def test_the_table_has_a_row_for_each_kind():
    text = table(report_of(LINES))
    assert "4 faults in 2 runs over 400 sightings, the last one on 2026-11-30; 1 failed." in text
    assert "| a-killed | 3 | 300 | 3.0 | 8.0 | 0 |  |\n| b-frozen | 1 | 100 | 0.0 | 0.0 | 1 |  |\n" in text


def test_what_is_lost_without_replicas_stands_beside_what_is_lost_with_them_and_is_no_failure():
    without = [line("a-killed", seed=3, lost=7, without_replicas=True), line("c-lost", lost=5, without_replicas=True)]
    found = report_of([*LINES, *without])
    assert (found.runs, found.faults, found.events, found.failures) == (3, 6, 600, 1)
    assert [row.kind for row in found.kinds] == ["a-killed", "b-frozen", "c-lost"]
    assert "| a-killed | 3 | 300 | 3.0 | 8.0 | 0 | 7 of 100 |\n" in table(found)
    assert "| c-lost | 0 | 0 | 0.0 | 0.0 | 0 | 5 of 100 |\n" in table(found)


def test_a_line_of_an_earlier_campaign_lost_nothing_and_had_replicas(tmp_path: Path):
    (tmp_path / NAME).write_text(
        '{"at":"","seed":1,"position":1,"kind":"a","hits":"","events":1,"events_so_far":1,"recover_ms":1,"broken":[]}\n'
    )
    (found,) = Ledger(tmp_path, resumed=True).before
    assert (found.lost, found.without_replicas) == (0, False)


def test_a_resumed_ledger_has_what_was_run_before(tmp_path: Path):
    first = Ledger(tmp_path / "new", resumed=False)
    first.add(LINES[0])
    second = Ledger(tmp_path / "new", resumed=True)
    second.add(LINES[1])
    assert Ledger(tmp_path / "new", resumed=True).before == LINES[:2]


def test_a_ledger_that_is_not_resumed_begins_anew(tmp_path: Path):
    Ledger(tmp_path, resumed=False).add(LINES[0])
    assert Ledger(tmp_path, resumed=False).before == []
    assert Ledger(tmp_path, resumed=True).before == []


@pytest.mark.parametrize("content", ["no JSON\n", '{"seed": 1}\n'])
def test_a_file_of_somebody_else_is_not_added_to(tmp_path: Path, content: str):
    (tmp_path / NAME).write_text(content)
    with pytest.raises(LedgerError, match="move it away"):
        Ledger(tmp_path, resumed=True)
    assert (tmp_path / NAME).read_text() == content


def test_a_line_that_a_killed_campaign_left_half_written_is_no_line(tmp_path: Path):
    Ledger(tmp_path, resumed=False).add(LINES[0])
    with (tmp_path / NAME).open("ab") as file:
        file.write(b'{"at":"2026')
    resumed = Ledger(tmp_path, resumed=True)
    assert resumed.before == LINES[:1]
    resumed.add(LINES[1])
    assert Ledger(tmp_path, resumed=True).before == LINES[:2]


def test_the_page_has_the_table_of_the_result(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    page, kept = tmp_path / "page", tmp_path / "chaos.json"
    kept.write_text(report.as_json(report_of(LINES)))
    monkeypatch.setattr(report, "PAGE", page)
    monkeypatch.setattr(report, "RESULT", kept)
    page.write_text(f"before\n{report.MARKS[0]}stale\n{report.MARKS[1]}after\n")
    report.write_page()
    assert page.read_text() == f"before\n{report.MARKS[0]}\n{table(report_of(LINES))}\n{report.MARKS[1]}after\n"
