"""A short campaign: what it finds, what it keeps, and that it would find what is wrong."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest
from parkstream_devtools.faults import Fault, can_mount
from parkstream_events.keys import BackendKeys
from redis import Redis
from the_tree import ROOT

from chaos import __main__ as command
from chaos.kinds import KINDS, Drawn, Kind
from chaos.ledger import NAME, Line, lines_in
from chaos.mall import MALL, Mall, can_fake_clocks

SMALL = ["backend-killed", "redis-killed", "hostile-messages"]
OF_THIS_MACHINE = ["one-clock-stepped", "redis-disk-full", "upgraded-back"]
"""Two of them need what not every machine allows."""
DEADLINE_SECONDS = 300


class Planted(Fault):
    """Something that Parkstream does not do."""

    kind = "planted"

    def __init__(self, mall: Mall) -> None:
        self.mall = mall

    def inject(self) -> None:
        pass


class Repeated(Planted):
    def heal(self) -> None:
        """Write a summary again, where the summary API does not see it."""
        self.mall.api.kill()
        lines = self.mall.summary_file.read_bytes().splitlines(keepends=True)
        with self.mall.summary_file.open("ab") as file:
            file.write(lines[0])
        self.mall.api.restart()


class Dropped(Planted):
    def heal(self) -> None:
        """Lose a record."""
        with Redis(port=self.mall.redis.port) as redis:
            redis.xdel(BackendKeys(MALL).log, "5-0")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr("sys.argv", ["chaos", *map(str, arguments)])
    return command.main()


def drawn(fault: type[Planted]):
    def draw(mall: Mall, _: Random) -> Drawn:
        return Drawn(fault(mall), "planted")

    return draw


def test_a_short_campaign_keeps_every_promise_and_adds_up(monkeypatch, tmp_path, capsys):
    assert run(monkeypatch, *SMALL, "--seed", 5, "--faults", 3, "--resume", tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    lines = lines_in(tmp_path / NAME)
    assert sorted(line.kind for line in lines) == sorted(SMALL)
    assert all(line.seed == 5 and line.recover_ms > 0 and line.events > 100 for line in lines)
    assert (found["runs"], found["faults"], found["failures"]) == (1, 3, 0)
    assert found["events"] == sum(line.events for line in lines) == lines[-1].events_so_far
    assert [row["kind"] for row in found["kinds"]] == sorted(SMALL)


@pytest.mark.skipif(not (can_mount() and can_fake_clocks()), reason="needs a disk of its own, and libfaketime")
def test_clocks_disks_and_the_way_back_keep_every_promise(monkeypatch, tmp_path):
    assert run(monkeypatch, *OF_THIS_MACHINE, "--seed", 5, "--faults", 3, "--resume", tmp_path) == 0
    assert sorted(line.kind for line in lines_in(tmp_path / NAME)) == OF_THIS_MACHINE


@pytest.mark.parametrize(
    ("fault", "findings"),
    [(Repeated, ["duplicated or torn lines"]), (Dropped, ["parkstream log verify", "it was deleted or cut"])],
)
def test_what_is_wrong_is_found_kept_and_can_be_repeated(monkeypatch, tmp_path: Path, capsys, fault, findings):
    """What is missing in the log is found by the command, or by a backend that looks before."""
    monkeypatch.setitem(KINDS, "planted", Kind(name="planted", draw=drawn(fault), quiet=True))
    assert run(monkeypatch, "planted", "--seed", 9, "--faults", 1, "--resume", tmp_path) == 1
    (line,) = lines_in(tmp_path / NAME)
    assert any(finding in broken for broken in line.broken for finding in findings), line.broken
    assert "again: ./dev chaos --seed 9 --faults 1 planted" in capsys.readouterr().err
    assert (tmp_path / "9-1" / "backend-1.log").exists()


def test_ctrl_c_ends_it_with_what_was_run_so_far(tmp_path: Path):
    words = [sys.executable, "-m", "chaos", "backend-killed", "--resume", tmp_path, "--json"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as campaign:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not lines_of(tmp_path):
            assert campaign.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        campaign.send_signal(signal.SIGINT)
        out, err = campaign.communicate(timeout=DEADLINE_SECONDS)
    assert campaign.returncode == 0, err
    assert "ended by Ctrl-C" in err
    assert json.loads(out)["faults"] == len(lines_of(tmp_path)) >= 1


def lines_of(folder: Path) -> list[Line]:
    return lines_in(folder / NAME) if (folder / NAME).exists() else []


@pytest.mark.parametrize("words", [["no-such-kind"], ["--minutes", "0"], ["--events", "-1"]])
def test_what_makes_no_sense_is_refused(monkeypatch, words):
    with pytest.raises(SystemExit) as ending:
        run(monkeypatch, *words)
    assert ending.value.code == 2


def test_a_folder_that_cannot_be_used_is_named(monkeypatch, tmp_path: Path, capsys):
    (tmp_path / "file").touch()
    assert run(monkeypatch, "--resume", tmp_path / "file" / "below") == 3
    assert f"{tmp_path}/file/below cannot be used" in capsys.readouterr().err


ON_CLUSTERS = ["node-leading-killed", "redis-primary-lost"]
"""One of each: of all others tests/faults has some, and the campaign many."""


def on_clusters(tmp_path: Path, *words: str) -> list[Line]:
    done = subprocess.run(
        [sys.executable, "-m", "chaos", *words, "--seed", "11", "--resume", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return lines_in(tmp_path / NAME)


@pytest.mark.timeout(1_800)
def test_a_campaign_on_clusters_keeps_every_promise(tmp_path: Path):
    lines = on_clusters(tmp_path, "--cluster", *ON_CLUSTERS, "--faults", str(len(ON_CLUSTERS)))
    assert sorted(line.kind for line in lines) == ON_CLUSTERS
    assert not any(line.lost or line.without_replicas for line in lines)


@pytest.mark.timeout(1_800)
def test_where_backends_wait_for_no_replica_what_a_lost_primary_takes_along_is_counted(tmp_path: Path):
    (line,) = on_clusters(tmp_path, "--no-replicas", "redis-primary-lost", "--faults", "1")
    assert line.without_replicas
    assert 0 < line.lost < line.events
    assert not line.broken
