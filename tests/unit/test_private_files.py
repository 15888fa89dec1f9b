"""What is their owner's alone stays so, whoever has left or planted something there before."""

import os
from pathlib import Path

import pytest
from parkstream_devtools.pipeline.data_folder import LOCK, DataFolderError, locked
from parkstream_devtools.private_files import is_private, write_private

SOMEBODY = 65_534
LEFT = "secrets.json.fresh"
"""What a run that was killed has left beside the file, or somebody has put there."""


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    file = tmp_path / "victim"
    file.write_text("dear")
    return file


@pytest.mark.parametrize("plant", [Path.symlink_to, Path.hardlink_to])
def test_a_private_file_is_not_written_through_a_link(tmp_path: Path, victim: Path, plant):
    plant(tmp_path / LEFT, victim)
    write_private(tmp_path / "secrets.json", b"mine")
    assert (victim.read_text(), victim.stat().st_nlink) == ("dear", 1)
    assert (tmp_path / "secrets.json").read_text() == "mine"
    assert not (tmp_path / "secrets.json").is_symlink()


def test_what_a_killed_run_has_left_keeps_nobody_from_writing(tmp_path: Path):
    (tmp_path / LEFT).write_text("half of i")
    (tmp_path / LEFT).chmod(0o666)
    write_private(tmp_path / "secrets.json", b"mine")
    assert (tmp_path / "secrets.json").read_text() == "mine"
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / LEFT).exists()


def test_a_folder_of_somebody_else_is_not_private(tmp_path: Path):
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    assert is_private(place)
    if os.geteuid():
        pytest.skip("only root can give a folder away")
    os.chown(place, SOMEBODY, SOMEBODY)
    assert not is_private(place)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path, victim: Path):
    place = tmp_path / ".parkstream"
    place.mkdir(mode=0o700)
    (place / LOCK).symlink_to(victim)
    with pytest.raises(DataFolderError, match="cannot be opened"), locked(place):
        pass
    assert victim.read_text() == "dear"
