"""The order in which SigNoz comes up, with programs that do nothing in the place of its own: compose waits and ends."""

import json
import os

import pytest
from command_line import CommandLine
from compose_stack import Stack, need_engine
from parkstream_cli.doctor.signoz_stack import STEPS

ONE_SHOT = ["clickhouse-functions", "signoz-migrator"]
WITHOUT = {"otel-collector"}
"""The stack's own gateway is in the other tests."""
pytestmark = pytest.mark.timeout(600)


def stand_in(name):
    """Return a service that comes up, or ends, as *name* does; its dependencies stay as they are."""
    program = {"image": "parkstream/summary-api:local", "entrypoint": ["sleep", "infinity"], "stop_grace_period": "1s"}
    if name in ONE_SHOT:
        return program | {"entrypoint": ["sh", "-c", 'echo "fatal: ${FAIL}"; exit ${FAIL:-0}'], "environment": ["FAIL"]}
    # What ClickHouse asks for, an engine in a container may not grant.
    few = {"nofile": {"soft": 1024, "hard": 1024}} if name == "clickhouse" else {}
    return program | {"healthcheck": {"test": ["CMD", "true"], "interval": "1s"}, "ulimits": few}


@pytest.fixture
def signoz(tmp_path):
    need_engine()
    override = tmp_path / "stand-ins.yaml"
    services = {name: stand_in(name) for name in STEPS if name not in WITHOUT}
    override.write_text(json.dumps({"services": services}).replace("${FAIL", "$${FAIL"), encoding="utf-8")
    it = Stack(tmp_path, ("compose.yaml", override), suffix="-signoz")
    it.doctor = CommandLine({"PARKSTREAM_PROJECT": it.project, "HOME": os.environ["HOME"]})
    yield it
    it.down()


def test_up_ends_when_every_step_is_done_and_doctor_names_the_one_that_failed(signoz):
    steps = [name for name in STEPS if name not in WITHOUT]
    assert "none of its containers" in plain(signoz.doctor("doctor", "--signoz").out)
    signoz.up(*steps)
    found = levels(signoz)
    assert {name: level for name, (level, _) in found.items() if name not in WITHOUT} == dict.fromkeys(steps, "ok")
    assert [found[name][1] for name in ONE_SHOT] == ["done", "done"]
    signoz.compose("rm", "--force", "--stop", *steps)
    signoz.environ["FAIL"] = "3"
    with pytest.raises(AssertionError, match="clickhouse-functions"):
        signoz.up(*steps)
    found = levels(signoz)
    level, said = found["clickhouse-functions"]
    assert level == "wrong"
    assert said.startswith("Exited (3)")
    assert said.endswith("fatal: 3")
    assert found["signoz"] == ("wrong", "has not started")


def levels(signoz):
    answer = signoz.doctor("doctor", "--signoz", "--json")
    return {one["about"]: (one["level"], one["found"]) for one in json.loads(answer.out)["findings"]}


def plain(printed):
    """Return what is in a table's cells, without the lines between them."""
    return " ".join(printed.replace("│", " ").split())
