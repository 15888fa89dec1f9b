"""docs/compose.md: its commands are run as they stand there, in the folder of the project, or say why they are not."""

import os

import pytest
from compose_stack import LITE_UP, Stack, documented_commands

NOT_RUN = {
    "docker compose -f deploy/compose/compose.yaml up --wait": "needs SigNoz' images: see test_compose_signoz",
    "tail -f summaries/summaries.jsonl": "it does not end: read once, below",
}
OF_A_FOLDER = ("mkdir ", "echo ")
ELSEWHERE = ("alias ", "parkstream ")
"""With all other commands of the command line: see test_compose_command_line."""
DONE = {"./dev secrets", LITE_UP}
"""By every stack."""
pytestmark = pytest.mark.timeout(1_200)


def lines_that_run():
    return [
        line
        for line in documented_commands()
        if line not in DONE | NOT_RUN.keys() and not line.startswith((*OF_A_FOLDER, *ELSEWHERE))
    ]


def test_what_is_not_run_stands_there():
    assert NOT_RUN.keys() | DONE <= set(documented_commands())


@pytest.mark.parametrize("line", lines_that_run())
def test_a_command_of_the_page_ends_well(stack, tmp_path, line):
    answer = stack.shell(line.replace(" > ", f" > {tmp_path}/"))
    assert answer.code == 0, answer.out + answer.err
    assert answer.out or [file.stat().st_size for file in tmp_path.iterdir()] > [0]


def test_the_summary_file_may_lie_in_a_folder_of_this_machine(stack, tmp_path):
    (tmp_path / "deploy" / "compose").mkdir(parents=True)
    said = [line for line in documented_commands() if line.startswith(OF_A_FOLDER)]
    assert stack.shell(f"cd {tmp_path}\n" + "\n".join(said)).code == 0
    given = dict(line.split("=", 1) for line in (tmp_path / "deploy/compose/.env").read_text().splitlines())
    moved = Stack(tmp_path, suffix="-moved")
    moved.environ |= given
    try:
        moved.compose("up", "--detach", "--wait", "--no-build", "--no-deps", "redis")
        moved.compose("run", "--rm", "--no-deps", "functions")
        moved.compose("up", "--detach", "--wait", "--no-build", "--no-deps", "summary-api")
        token = f"TOKEN={moved.secret('api_token_backend')}"
        posted = moved.compose("exec", "-T", "--env", token, "summary-api", "python", "-c", POST_ONE)
        assert "written" in posted
        file = tmp_path / "summaries" / "summaries.jsonl"
        assert '"visit_id":"exit:one@1796032800000000"' in file.read_text(encoding="utf-8")
        assert file.stat().st_uid == os.getuid()
    finally:
        moved.down()


POST_ONE = """
import json, os, urllib.request
item = {
    "visit_id": "exit:one@1796032800000000", "revision": 1, "outcome": "entry_missed", "vehicle_plate": "ABC1234",
    "entry_date_time": None, "exit_date_time": "2026-11-29T10:00:00Z", "duration": None, "duration_ms": None,
    "entry_event_id": None, "exit_event_id": "one", "position": 1, "superseded_by": None,
}
headers = {"authorization": "Bearer " + os.environ["TOKEN"], "content-type": "application/json"}
request = urllib.request.Request("http://127.0.0.1:8000/v1/summaries", json.dumps(item).encode(), headers)
print(urllib.request.urlopen(request).read().decode())
"""
