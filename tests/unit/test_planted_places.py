"""Who may write where we do plants links, files and folders there: nothing is written elsewhere, or believed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from parkstream_devtools.pipeline.kept_place import PlaceError, make_place
from parkstream_eventlog.archive.durable import WRITING, replacing
from parkstream_projection.backup.copies import Source, copy
from parkstream_projection.backup.errors import BackupError
from parkstream_projection.backup.taker import UNFINISHED, _prepare
from the_tree import ROOT

MAKE = [sys.executable, ROOT / "deploy" / "compose" / "make_secrets.py", "--folder"]
SOMEBODY = 65_534


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    folder = tmp_path / "victim"
    folder.mkdir()
    (folder / "file").write_text("dear")
    return folder


@pytest.fixture
def place(tmp_path: Path) -> Path:
    folder = tmp_path / "place"
    folder.mkdir(mode=0o700)
    return folder


def test_a_file_that_is_being_written_is_no_link(place: Path, victim: Path):
    (place / WRITING).symlink_to(victim / "file")
    with replacing(place / "manifest.json") as file:
        file.write(b"{}")
    assert (place / "manifest.json").read_text() == "{}"
    assert (victim / "file").read_text() == "dear"


@pytest.mark.parametrize("link", [Path.symlink_to, Path.hardlink_to])
def test_a_copy_is_a_file_of_its_own(place: Path, victim: Path, tmp_path: Path, link: Callable[[Path, Path], None]):
    (tmp_path / "data").write_text("plates")
    link(place / "copy", victim / "file")
    with (tmp_path / "data").open("rb") as file:
        copy(Source("copy", file, 6), place, lambda _: None)
    assert ((place / "copy").read_text(), (victim / "file").read_text()) == ("plates", "dear")


def test_a_backup_does_not_go_where_a_planted_link_leads(place: Path, victim: Path):
    (place / UNFINISHED).symlink_to(victim / "new")
    (place / "redis").symlink_to(victim)
    _prepare(place)
    assert [path.name for path in victim.iterdir()] == ["file"]
    assert not (place / "redis").exists()


def test_a_backup_does_not_go_where_others_may_write(place: Path):
    place.chmod(0o777)
    with pytest.raises(BackupError, match="others may write"):
        _prepare(place)


def is_open(place: Path, _: Path) -> None:
    place.chmod(0o777)


def leads_nowhere(place: Path, victim: Path) -> None:
    place.rmdir()
    place.symlink_to(victim / "nowhere")


def is_a_file(place: Path, _: Path) -> None:
    place.rmdir()
    place.touch()


def is_a_pipe(place: Path, _: Path) -> None:
    place.rmdir()
    os.mkfifo(place)


def is_another_s(place: Path, _: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    os.chown(place, SOMEBODY, SOMEBODY)


PLANTED = [is_open, leads_nowhere, is_a_file, is_a_pipe, is_another_s]


@pytest.mark.parametrize("plant", PLANTED)
def test_a_demo_is_not_kept_in_a_place_that_others_have_prepared(
    place: Path, victim: Path, plant: Callable[[Path, Path], None]
):
    plant(place, victim)
    with pytest.raises(PlaceError, match="name another folder"):
        make_place(place)
    assert [path.name for path in victim.iterdir()] == ["file"]


def test_a_place_for_a_demo_is_made_for_one_user_alone(tmp_path: Path):
    make_place(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("plant", PLANTED)
def test_secrets_that_others_may_have_put_there_are_not_believed(
    place: Path, victim: Path, plant: Callable[[Path, Path], None]
):
    (place / "api_token").write_text("known to somebody")
    if plant not in {is_open, is_another_s}:
        (place / "api_token").unlink()
    plant(place, victim)
    done = subprocess.run([*MAKE, place], capture_output=True, text=True, check=False)
    assert (done.returncode in {1, 2}, done.stderr.startswith("error: ")) == (True, True), done.stderr
    assert [path.name for path in victim.iterdir()] == ["file"]
