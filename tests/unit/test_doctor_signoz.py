"""``parkstream doctor --signoz``: what each state of a container means, by a ``docker`` that answers from files."""

import json

import pytest
from parkstream_cli.doctor import signoz_stack
from parkstream_cli.doctor.signoz_stack import STEPS
from parkstream_operations.findings import Level

DOCKER = """#!/bin/sh
case $1 in
ps) cat "$ANSWERS/$(echo "$*" | sed 's/.*service=\\([a-z-]*\\).*/\\1/')" 2>/dev/null || true ;;
logs) cat "$ANSWERS/$3.log" ;;
esac
"""
RUNS = ("running", "Up 3 minutes (healthy)")


@pytest.fixture
def docker(tmp_path, monkeypatch):
    """Return what says how the container of a service is, and what it wrote."""
    program = tmp_path / "docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("ANSWERS", str(tmp_path))

    def put(service, state, status, log=""):
        about = {"Names": f"it-{service}-1", "State": state, "Status": status, "Labels": "…"}
        (tmp_path / service).write_text(json.dumps(about) + "\n")
        (tmp_path / f"it-{service}-1.log").write_text(log)

    return put


async def found():
    return {one.about: (one.level, one.found) for one in await signoz_stack.examine()}


@pytest.mark.parametrize(
    ("state", "status", "level", "said"),
    [
        (*RUNS, Level.OK, "Up 3 minutes (healthy)"),
        ("exited", "Exited (0) 2 minutes ago", Level.OK, "done"),
        ("exited", "Exited (3) 2 minutes ago", Level.WRONG, "Exited (3) 2 minutes ago: panic: no disk"),
        ("restarting", "Restarting (1) 1 second ago", Level.WRONG, "Restarting (1) 1 second ago: panic: no disk"),
        ("running", "Up 1 minute (unhealthy)", Level.WRONG, "Up 1 minute (unhealthy): panic: no disk"),
        ("running", "Up 1 second (health: starting)", Level.NOTE, "Up 1 second (health: starting): panic: no disk"),
        ("created", "Created", Level.WRONG, "has not started"),
    ],
)
async def test_a_step_is_told_by_the_state_of_its_container(docker, state, status, level, said):
    for service in STEPS:
        docker(service, *RUNS)
    docker("signoz", state, status, "starting\npanic: no disk\nbye\n")
    answers = await found()
    assert list(answers) == list(STEPS)
    assert answers.pop("signoz") == (level, said)
    assert {level for level, _ in answers.values()} == {Level.OK}


async def test_a_log_without_a_complaint_is_shown_by_its_last_line(docker):
    docker("signoz", "exited", "Exited (1) now", "one\ntwo\n")
    assert (await found())["signoz"] == (Level.WRONG, "Exited (1) now: two")


async def test_a_step_without_a_container_is_wrong_and_so_is_a_stack_without_any(docker):
    docker("otel-collector", *RUNS)
    assert list(await found()) == ["SigNoz"]
    docker("clickhouse", *RUNS)
    assert (await found())["signoz"] == (Level.WRONG, "has no container")


async def test_a_docker_that_does_not_answer_says_why(tmp_path, monkeypatch):
    (tmp_path / "docker").write_text("#!/bin/sh\necho 'permission denied' >&2\nexit 1\n")
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert await found() == {"Docker": (Level.WRONG, "permission denied")}
