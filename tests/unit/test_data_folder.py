"""The folder of ``up``: whose it may be, that one run has it, and what commands learn from it."""

import os
import socket
import subprocess
import sys

import pytest
from parkstream_cli.discovery import environ_here, hint_here
from parkstream_devtools import free_port
from parkstream_devtools.pipeline.callers import make_credentials
from parkstream_devtools.pipeline.data_folder import (
    LOCK,
    NAME,
    RUN,
    DataFolderError,
    NothingRunsError,
    discoverable,
    locked,
    run_in,
)
from parkstream_devtools.pipeline.services import Service, ports

KILLED = """
import os, signal, sys
from pathlib import Path
from parkstream_devtools.pipeline.data_folder import discoverable, locked
with locked(Path(sys.argv[1])), discoverable(Path(sys.argv[1]), {"PARKSTREAM_MALL": "ours"}):
    os.kill(os.getpid(), signal.SIGKILL)
"""
REDIS = "PARKSTREAM_REDIS_URL"


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("PARKSTREAM_")]:
        monkeypatch.delenv(name)
    return tmp_path / NAME


def linked(place):
    (place.parent / "elsewhere").mkdir(mode=0o700)
    place.symlink_to(place.parent / "elsewhere")


def open_to_all(place):
    place.mkdir()
    place.chmod(0o755)


def of_somebody(place):
    place.mkdir(mode=0o700)
    (place / "precious").touch()


@pytest.mark.parametrize("planted", [linked, open_to_all, of_somebody])
@pytest.mark.parametrize("fresh", [False, True])
def test_a_folder_that_is_not_ours_is_refused_and_left_as_it_is(place, planted, fresh):
    planted(place)
    with pytest.raises(DataFolderError, match="start in another folder"), locked(place, fresh=fresh):
        pass
    assert [path.name for path in place.iterdir()] == (["precious"] if planted is of_somebody else [])
    assert run_in(place) is None


def test_data_stays_until_a_fresh_start(place):
    with locked(place):
        (place / "redis-1").mkdir()
        (place / "redis-1" / "appendonly").touch()
        (place / "away").symlink_to(place.parent)
    with locked(place):
        assert (place / "redis-1" / "appendonly").exists()
    with locked(place, fresh=True):
        assert {path.name for path in place.iterdir()} == {LOCK, ".gitignore"}
    assert place.parent.exists()


def test_one_run_at_a_time_has_it(place):
    with (
        locked(place),
        pytest.raises(DataFolderError, match=rf"one runs already .*\(process {os.getpid()}\)"),
        locked(place, fresh=True),
    ):
        pass


def test_what_a_killed_run_left_is_no_run_and_no_obstacle(place):
    subprocess.run([sys.executable, "-c", KILLED, place], check=False)
    assert (place / RUN).exists()
    with pytest.raises(NothingRunsError, match="nothing runs in"):
        run_in(place)
    assert "does not run here" in hint_here()
    assert "PARKSTREAM_MALL" not in environ_here()
    with locked(place):
        assert run_in(place).environ == {"PARKSTREAM_MALL": "ours"}


def test_commands_find_what_runs_unless_the_environment_says_otherwise(place, monkeypatch):
    with locked(place):
        with pytest.raises(NothingRunsError, match="is being started"):
            run_in(place)
        with discoverable(place, {REDIS: "redis://ours", "PARKSTREAM_MALL": "ours", "PARKSTREAM_API_TOKEN": "ours"}):
            monkeypatch.setenv("PARKSTREAM_MALL", "")
            monkeypatch.setenv("PARKSTREAM_API_TOKEN_FILE", "mine")
            here = environ_here()
            assert (here[REDIS], here["PARKSTREAM_MALL"]) == ("redis://ours", "ours")
            assert "PARKSTREAM_API_TOKEN" not in here
            monkeypatch.setenv(REDIS, "redis://mine")
            assert (environ_here()[REDIS], environ_here()["PARKSTREAM_MALL"]) == ("redis://mine", "")
    assert hint_here() == ""  # Another Redis was named.
    monkeypatch.delenv(REDIS)
    assert "does not run here" in hint_here()


def test_a_folder_that_others_may_enter_is_not_believed(place):
    with locked(place), discoverable(place, {REDIS: "redis://theirs"}):
        place.chmod(0o755)
        assert REDIS not in environ_here()
        assert "is not yours alone" in hint_here()


def test_credentials_are_made_once_and_may_be_read_by_their_owner_only(tmp_path):
    first = make_credentials(tmp_path, {})
    assert make_credentials(tmp_path, {}) == first
    assert make_credentials(tmp_path, {"PARKSTREAM_API_TOKEN": "mine"}).operator == "mine"
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_service_listens_on_its_usual_port_unless_somebody_does():
    service = Service("service", "module", free_port(), "URL")
    assert ports([service], usual=True) == {service: service.port}
    assert ports([service], usual=False) != {service: service.port}
    with socket.create_server(("127.0.0.1", service.port)):
        assert ports([service], usual=True) != {service: service.port}
