"""Who may see the console: people with passwords, callers with tokens, and how often either may be wrong."""

import json
import time
from types import SimpleNamespace

import pytest
from argon2 import PasswordHasher
from console_page import write_people
from parkstream_console.access.attempts import WINDOW_SECONDS, WRONG_IN_ALL_MAX, WRONG_MAX, Attempts
from parkstream_console.access.people import People, hash_of, read_people
from parkstream_console.access.session import SESSION_SECONDS, Access, Viewer
from parkstream_console.settings import Settings
from parkstream_service.access import Callers, CredentialsError, Role

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def people(tmp_path):
    write_people(tmp_path / "people.json")
    return People.of_file(tmp_path / "people.json")


def asking(viewer, since=None):
    """A request of somebody who has the session of *viewer*."""
    since = time.time() if since is None else since
    session = {"name": viewer.name, "fingerprint": viewer.fingerprint, "since": int(since)} if viewer else {}
    return SimpleNamespace(session=session, scope={"session": session})


def test_a_person_logs_in_with_the_password_of_that_person_only(people):
    access = Access(people, None)
    assert access.log_in("anna", "anna's long password").roles == {Role.VISITS_READ}
    assert access.log_in("anna", "otto's long password") is None
    assert access.log_in("anna", "") is None
    assert access.log_in("nobody", "anna's long password") is None
    assert access.log_in("anna", "x" * 2_000) is None


def test_a_caller_logs_in_with_name_and_token():
    access = Access(None, Callers.of_token("a token of sixteen"))
    assert access.log_in("api-token", "a token of sixteen").may_operate
    assert access.log_in("somebody", "a token of sixteen") is None
    assert access.log_in("api-token", "another token of sixteen") is None


def test_a_session_ends_when_the_password_is_another_one_or_the_person_is_gone(people, tmp_path):
    access = Access(people, None)
    anna = access.log_in("anna", "anna's long password")
    assert access.viewer(asking(anna)) == anna
    changed = {"anna": {"roles": ["visits:read"], "password": QUICK.hash("another password")}}
    (tmp_path / "people.json").write_text(json.dumps(changed))
    assert access.viewer(asking(anna)) is None
    (tmp_path / "people.json").write_text("{}")
    assert access.viewer(asking(anna)) is None


def test_a_session_ends_when_it_is_old_however_often_it_was_renewed(people):
    access = Access(people, None)
    anna = access.log_in("anna", "anna's long password")
    assert access.viewer(asking(anna, time.time() - SESSION_SECONDS + 60)) == anna
    assert access.viewer(asking(anna, time.time() - SESSION_SECONDS - 60)) is None


def test_people_alone_do_not_leave_the_data_to_everybody(tmp_path):
    write_people(tmp_path / "people.json")
    with pytest.raises(ValueError, match="PARKSTREAM_CREDENTIALS_FILE"):
        Settings(people_file=str(tmp_path / "people.json"))
    Settings(people_file=str(tmp_path / "people.json"), api_token="a token of sixteen")


def test_a_broken_file_of_people_changes_nothing_and_is_a_problem(people, tmp_path):
    (tmp_path / "people.json").write_text("[")
    assert "is no file of people" in people.problem
    assert people.named("anna") is not None


def test_roles_are_those_of_now(people, tmp_path):
    access = Access(people, None)
    otto = access.log_in("otto", "otto's long password")
    written = json.loads((tmp_path / "people.json").read_text())
    written["otto"]["roles"] = ["visits:read"]
    (tmp_path / "people.json").write_text(json.dumps(written))
    assert not access.viewer(asking(otto)).may_operate


@pytest.mark.parametrize("session", [{}, {"name": 5}, {"name": "anna"}, {"name": "anna", "fingerprint": "0" * 16}])
def test_a_session_that_is_none_of_ours_is_nobody_s(people, session):
    assert Access(people, None).viewer(SimpleNamespace(session=session, scope={"session": session})) is None


def test_without_any_credential_whoever_is_here_may_do_everything():
    access = Access(None, None)
    assert access.open
    assert access.viewer(asking(None)) == Viewer("anybody", frozenset(Role))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[]", "is no file of people"),
        ('{"anna": {"roles": ["visits:read"], "password": "plain"}}', "is no file of people"),
        ('{"anna": {"roles": [], "password": "$argon2id$x"}}', "is no file of people"),
        ('{"anna": {"roles": ["visits:read"], "password": "$argon2id$nonsense"}}', "no argon2 hash"),
        ('{"Anna": {"roles": ["visits:read"], "password": "$argon2id$x"}}', "is no file of people"),
    ],
)
def test_a_file_of_people_that_cannot_be_taken_says_why_and_quotes_nothing(tmp_path, content, why):
    file = tmp_path / "people.json"
    file.write_text(content)
    with pytest.raises(CredentialsError, match=why) as raised:
        read_people(file)
    assert "nonsense" not in str(raised.value)
    assert "plain" not in str(raised.value)


def test_a_file_that_others_may_write_is_refused(tmp_path):
    write_people(tmp_path / "people.json")
    (tmp_path / "people.json").chmod(0o622)
    with pytest.raises(CredentialsError, match="chmod go-w"):
        read_people(tmp_path / "people.json")


@pytest.mark.parametrize("password", ["short", "x" * 1_001])
def test_a_password_that_is_too_short_or_too_long_gets_no_hash(password):
    with pytest.raises(ValueError, match="12 to 1000 characters"):
        hash_of(password)


def test_wrong_attempts_of_a_name_are_bounded_and_pass():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(WRONG_MAX):
        assert attempts.pause_seconds("anna") == 0
        attempts.failed("anna")
    assert 0 < attempts.pause_seconds("anna") <= WINDOW_SECONDS + 1
    assert attempts.pause_seconds("otto") == 0
    now[0] = WINDOW_SECONDS
    assert attempts.pause_seconds("anna") == 0


def test_wrong_attempts_of_all_names_are_bounded_too():
    attempts = Attempts(lambda: 0.0)
    for number in range(WRONG_IN_ALL_MAX):
        attempts.failed(f"name-{number}")
    assert attempts.pause_seconds("somebody else") > 0
