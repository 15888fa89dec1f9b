"""The file of callers: what it takes, who may read and write it, and that it is read again."""

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from parkstream_service.access import Callers, CredentialsError, Role

SECRET = "correct-horse-battery-staple"
OTHER = "another-long-credential"


def hashed(secret: str) -> str:
    return "sha256:" + sha256(secret.encode()).hexdigest()


def write(path: Path, callers: Any, mode: int = 0o600) -> Path:
    path.write_text(callers if isinstance(callers, str) else json.dumps(callers))
    path.chmod(mode)
    return path


def one(*secrets: str, roles: tuple[str, ...] = ("visits:read",)) -> dict[str, Any]:
    return {"reader": {"roles": list(roles), "secrets": list(secrets)}}


@pytest.mark.parametrize("kept", [SECRET, hashed(SECRET)])
def test_a_caller_is_known_by_its_secret_and_may_do_what_its_roles_say(tmp_path, kept):
    callers = Callers.of_file(write(tmp_path / "callers", one(kept, roles=("operate", "metrics"))))
    caller = callers.who(SECRET)
    assert caller is not None
    assert (caller.name, caller.roles) == ("reader", {Role.OPERATE, Role.METRICS})
    assert [callers.who(wrong) for wrong in ("", SECRET[:-1], SECRET + " ", hashed(SECRET), "ä")] == [None] * 5


def test_the_single_token_is_a_caller_with_every_role():
    caller = Callers.of_token(SECRET).who(SECRET)
    assert caller is not None
    assert caller.roles == set(Role)


@pytest.mark.parametrize(
    ("written", "mode", "why"),
    [
        (one(SECRET), 0o604, "may be read by everybody"),
        (one(SECRET), 0o620, "may be written by others"),
        (one(hashed(SECRET)), 0o646, "may be written by others"),
        (one("short"), 0o600, "too short"),
        (one(SECRET + " x"), 0o600, "no word"),
        (one("sha256:" + SECRET), 0o600, "a hash that is none"),
        (one(), 0o600, "length >= 1"),
        (one(SECRET, OTHER, "a-third-long-credential"), 0o600, "length <= 2"),
        (one(SECRET, roles=()), 0o600, "length >= 1"),
        (one(SECRET, roles=(OTHER,)), 0o600, "Invalid enum value a value"),
        ({OTHER + "\n": one(SECRET)["reader"]}, 0o600, "matching regex"),
        (one(SECRET) | {"writer": one(SECRET)["reader"]}, 0o600, "reader and writer have the same secret"),
        ({"reader": {"roles": ["operate"], "secret": [SECRET]}}, 0o600, "unknown field"),
        (SECRET, 0o600, "no file of callers"),
        ("", 0o600, "no file of callers"),
        (json.dumps(one(SECRET))[:-4], 0o600, "no file of callers"),
    ],
)
def test_what_is_wrong_is_named_without_a_secret(tmp_path, written, mode, why):
    with pytest.raises(CredentialsError, match=why) as raised:
        Callers.of_file(write(tmp_path / "callers", written, mode))
    assert str(tmp_path / "callers") in str(raised.value)
    assert SECRET not in str(raised.value)
    assert OTHER not in str(raised.value)


def test_everybody_may_read_hashes(tmp_path):
    assert Callers.of_file(write(tmp_path / "callers", one(hashed(SECRET)), 0o644)).who(SECRET)


@pytest.mark.parametrize("in_place", [True, False])
def test_a_credential_is_changed_while_both_are_valid(tmp_path, in_place):
    file = write(tmp_path / "callers", one(hashed(SECRET)))
    callers = Callers.of_file(file)

    def now(*secrets: str) -> list[bool]:
        if in_place:
            write(file, one(*map(hashed, secrets)))
        else:
            write(tmp_path / "new", one(*map(hashed, secrets))).replace(file)
        return [callers.who(SECRET) is not None, callers.who(OTHER) is not None]

    assert now(OTHER, SECRET) == [True, True]
    assert now(OTHER) == [False, True]


def test_a_file_that_has_been_there_for_long_is_read_again_when_it_changes(tmp_path):
    file = write(tmp_path / "callers", one(hashed(SECRET)))
    os.utime(file, (1_000, 1_000))
    callers = Callers.of_file(file)
    assert callers.who(SECRET)
    write(file, one(hashed(OTHER)))
    os.utime(file, (1_000, 1_000))  # Same size, same time: its change is not.
    assert (callers.who(SECRET), callers.who(OTHER) is not None) == (None, True)


@pytest.mark.parametrize("broken", ["{", "", None, 0o602])
def test_what_cannot_be_taken_changes_nothing_and_is_reported_once(tmp_path, broken):
    file = write(tmp_path / "callers", one(hashed(SECRET)))
    callers = Callers.of_file(file)
    reported: list[str] = []
    assert callers.file
    callers.file.report = reported.append
    if broken is None:
        file.unlink()
    elif isinstance(broken, int):
        file.chmod(broken)
    else:
        file.write_text(broken)
    for _ in range(3):
        assert callers.who(SECRET)
    assert str(file) in callers.problem
    assert [callers.problem in report for report in reported] == [True]
    write(file, one(hashed(OTHER)))
    assert (callers.who(SECRET), callers.who(OTHER) is not None, callers.problem) == (None, True, "")
    assert len(reported) == 2
