"""A console that is killed leaves snapshots, which hold plates: the next one on the machine removes them."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from console_service import start_console
from parkstream_console.travel import folder as folders
from parkstream_console.travel.folder import SnapshotFolder, remove_abandoned
from parkstream_devtools import ServiceProcess
from projections import HOUR, Mall, day_of_traffic, now_us, project
from summary_client import Client, eventually

KILLED = """
import os, signal, subprocess, sys
from parkstream_console.travel.folder import SnapshotFolder
folder = SnapshotFolder(None)
(folder.path() / "snapshot").write_text("BAR123")
subprocess.Popen([sys.executable, "-c", "input()"], pass_fds=folder.locks)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(folders, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


async def test_the_next_console_removes_what_a_killed_one_has_left_and_no_others(
    run_service, redis_url, mall, tmp_path
):
    shop = Mall(redis_url, mall)
    await shop.log.append(day_of_traffic(10, now_us() - HOUR))
    await project(shop.projector())
    await shop.close()

    def started() -> tuple[ServiceProcess, Path]:
        """Start a console that answers a question about another time; return it, and the folder it has for that."""
        before = set(tmp_path.iterdir())
        console = start_console(run_service, redis_url, mall, TMPDIR=str(tmp_path))
        assert Client(console.port).ask("/time?position=5").status == 200
        eventually(lambda: not psutil.Process(console.pid).children(), 120)
        (own,) = set(tmp_path.iterdir()) - before
        return console, own

    (killed, left), (working, kept) = started(), started()
    looking_ahead = psutil.Process(killed.pid).children()
    killed.kill()
    psutil.wait_procs(looking_ahead)
    for folder in (left, kept):  # No sooner: a process that looks ahead begins by removing what is no snapshot.
        (folder / "snapshot").write_text("BAR123")
    last, own = started()
    assert set(tmp_path.iterdir()) == {kept, own}
    assert (working.terminate(), last.terminate()) == (0, 0)
    assert list(tmp_path.iterdir()) == []


def test_what_a_process_of_a_killed_console_still_works_in_is_left(temporary: Path):
    """As the one that answers a question, which ends a little later."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb"):
        subprocess.run(
            [sys.executable, "-c", KILLED], stdin=reading, env={**os.environ, "TMPDIR": str(temporary)}, check=False
        )
        os.close(reading)
        remove_abandoned()
        (left,) = temporary.iterdir()
        assert (left / "snapshot").exists()
    eventually(lambda: remove_abandoned() or not left.exists())


def test_what_is_no_folder_of_ours_is_left(temporary: Path):
    file, link, other = (temporary / f"{folders.PREFIX}{name}" for name in ("file", "link", "empty"))
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "theirs").touch()
    file.touch()
    link.symlink_to(elsewhere)
    other.mkdir()
    in_use = SnapshotFolder(None)
    (in_use.path() / "snapshot").touch()
    remove_abandoned()
    assert set(temporary.iterdir()) == {file, link, other, elsewhere, in_use.path()}
    assert [one.name for one in (*elsewhere.iterdir(), *in_use.path().iterdir())] == ["theirs", "snapshot"]
    in_use.close()
