"""A few odd inputs for every decoder; what a planted defect looks like, kept and tried again."""

import json
from random import Random

import msgspec
import pytest
from parkstream_events import wire

from fuzzing import __main__ as command
from fuzzing import pool, report
from fuzzing.meter import CostlyError, metered
from fuzzing.mutation import mutated
from fuzzing.pool import DECODERS, fuzz_all, portions_of
from fuzzing.run import Tally, fuzz, outcome_of
from fuzzing.target import Failure, Target

INPUTS = 150


def planted(data: bytes) -> bool:
    """Take JSON, and fall over what is no UTF-8, as a decoder does that catches too little."""
    try:
        msgspec.json.decode(data, type=dict[str, str])
    except msgspec.DecodeError:
        return False
    return True


def target(check, **more) -> Target:
    return Target(name="planted", about="", samples=(b'{"a":"b"}',), check=check, **more)


@pytest.fixture
def with_a_defect(monkeypatch, tmp_path):
    monkeypatch.setitem(pool.DECODERS, "planted", target(planted))
    monkeypatch.setattr(report, "FOLDER", tmp_path)


def run(monkeypatch, *arguments) -> int:
    monkeypatch.setattr("sys.argv", ["fuzz", *map(str, arguments)])
    return command.main()


@pytest.mark.parametrize("name", DECODERS)
def test_whatever_comes_is_taken_whole_or_refused(name: str):
    tally = fuzz(DECODERS[name], INPUTS, 1)
    assert [(failure.error, failure.where) for failure in tally.failures] == []
    assert tally.inputs == INPUTS
    assert tally.accepted
    assert tally.refused


@pytest.mark.parametrize("name", DECODERS)
def test_every_sample_is_taken(name: str):
    decoder, rng = DECODERS[name], Random(1)
    if name in {"letters", "archives"}:  # What is around them is made by chance.
        assert any(decoder.check(decoder.finish(rng, sample)) for sample in decoder.samples for _ in range(50))
        return
    refused = [sample for sample in decoder.samples if not decoder.check(sample)]
    assert len(refused) < len(decoder.samples)


def test_a_planted_defect_is_found_kept_short_and_tried_again(monkeypatch, capsys, tmp_path, with_a_defect):
    assert run(monkeypatch, "planted", "--inputs", "400", "--seed", "7", "--json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert (printed["seed"], printed["inputs"], printed["results"][0]["target"]) == (7, 400, "planted")
    (failure,) = printed["results"][0]["failures"]
    assert failure["error"].startswith("UnicodeDecodeError")
    (kept,) = tmp_path.iterdir()
    assert failure["file"] == str(kept)
    assert len(kept.read_bytes()) < 20
    assert run(monkeypatch, "planted", "--replay", kept) == 1
    assert "fails: UnicodeDecodeError" in capsys.readouterr().err


def test_a_mended_defect_fails_no_more(monkeypatch, capsys, tmp_path, with_a_defect):
    kept = tmp_path / "kept.bin"
    kept.write_bytes(b'{"a":"\xff"}')
    assert run(monkeypatch, "planted", "--replay", kept) == 1
    monkeypatch.setitem(pool.DECODERS, "planted", target(lambda data: "\ufffd" in data.decode(errors="replace")))
    assert run(monkeypatch, "planted", "--replay", kept) == 0
    assert capsys.readouterr().err.endswith("accepted\n")


def test_a_defect_that_is_put_into_the_product_is_found(monkeypatch):
    monkeypatch.setattr("parkstream_events.marks.UNREADABLE", (msgspec.ValidationError,))
    assert {failure.error.partition(":")[0] for failure in fuzz(DECODERS["marks"], 400, 1).failures} >= {"DecodeError"}


def test_the_same_seed_makes_the_same_inputs():
    def inputs(seed):
        seen: list[bytes] = []
        fuzz(target(lambda data: bool(seen.append(data))), 60, seed)
        return seen

    assert inputs(1) == inputs(1) != inputs(2)


def test_work_and_memory_are_counted():
    def works(data: bytes) -> bool:
        return sum([len(data) for _ in range(30_000 if b"#" in data else 1)]) > 0

    def keeps(data: bytes) -> bool:
        return len(b"x" * (50_000_000 if b"#" in data else 1)) > 0

    for check, what in ((works, "calls"), (keeps, "bytes")):
        assert outcome_of(target(check), b"a") is True
        found = outcome_of(target(check), b"#")
        assert isinstance(found, Failure)
        assert f" {what} (" in found.error
    with pytest.raises(CostlyError), metered(target(works), b"#"):
        works(b"#")


def test_what_nothing_may_catch_is_a_failure_too():
    def stuck(data: bytes) -> bool:
        raise RecursionError

    assert isinstance(outcome_of(target(stuck), b""), Failure)
    assert not isinstance(outcome_of(target(lambda _: False), b""), Failure)


def test_all_inputs_are_shared_out_and_none_is_lost():
    shares = command.shares_of([*DECODERS, *command.ROUTES], 1_000_000)
    assert 1_000_000 <= sum(shares.values()) <= 1_000_000 + len(shares)
    decoders = {name: count for name, count in shares.items() if name in DECODERS}
    portions = list(portions_of(decoders, 1))
    assert {name: sum(count for one, count, _ in portions if one == name) for name in decoders} == decoders
    assert len({(name, seed) for name, _, seed in portions}) == len(portions)


def test_side_by_side_it_is_the_same(monkeypatch):
    monkeypatch.setattr(pool, "PORTION", 40)
    reported: list[int] = []
    (marks,) = fuzz_all({"marks": 100}, 1, lambda tally: reported.append(tally.inputs))
    alone = Tally(target="marks")
    for count, seed in ((40, 1), (40, 2), (20, 3)):
        alone.add(fuzz(DECODERS["marks"], count, seed))
    assert (marks.inputs, marks.accepted, marks.refused, marks.failed) == (100, alone.accepted, alone.refused, 0)
    assert reported[-1] == 100


@pytest.mark.parametrize("arguments", ["nothing", "--inputs 0", "--replay x", "marks --replay none"])
def test_what_cannot_be_run_is_said(monkeypatch, capsys, arguments: str):
    try:
        code = run(monkeypatch, *arguments.split())
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert "error: " in capsys.readouterr().err


def test_inputs_are_odd_in_every_way_that_is_listed():
    sample = wire.encode({"id": "in-1", "vehicle_plate": "A1", "at": 5}) + b"\n"
    made = [mutated(Random(seed), [sample]) for seed in range(4_000)]
    assert sample in made
    for what in (b"\\ud800", b"\xff", b"\xe2\x80\xa8", b"\r\n", b"9" * 400, b"[" * 99, b"NaN", b"\\u0000"):
        assert any(what in data for data in made), what
    assert any(data.count(b'"id":') > 1 for data in made)
    assert any(sample.startswith(data) for data in made)
