"""The demo, as a newcomer runs it: it balances, it says where the summaries are, and it leaves nothing behind."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
KEYS = [
    "entries_published",
    "exits_published",
    "entries_by_gate",
    "exits_by_gate",
    "duplicate_exit_reads",
    "placeholders",
    "completed",
    "entry_missed",
    "exit_missed",
    "lines",
    "missing",
    "duplicated",
    "matched_share",
    "exit_to_disk_ms",
    "pending_exit_to_disk_ms",
    "summary_file",
    "trace",
]
STEPS = ["publish", "process", "project", "deliver", "POST", "write"]
DEMO = [sys.executable, "-m", "parkstream_cli", "demo"]

pytestmark = pytest.mark.usefixtures("servers")


@pytest.fixture
def demo(tmp_path):
    """Start a demo whose every process can be told by its temporary folder."""
    running = []

    def start(*options, **more):
        environ = os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "100"} | more
        command = [*DEMO, *map(str, options)]
        process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.terminate()
        process.communicate()


def of_one_car(trace):
    """Check that *trace* leads from the camera to the disk."""
    assert [row["span"].partition(" ")[0] for row in trace] == STEPS
    assert [row["parent"] for row in trace] == [None, *(row["span"] for row in trace[:-1])]
    assert trace[0]["offset_ms"] == 0.0
    assert trace[0]["service"] == "parkstream-exit-generator"
    assert all(row["duration_ms"] > 0 for row in trace)


def ours(folder):
    """Return the processes that were started in *folder*."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("TMPDIR") == str(folder):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return found


def running(module, folder):
    """Return the processes in *folder* that run *module*; one may end while we look."""
    found = []
    for process in ours(folder):
        try:
            if module in process.cmdline():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


def eventually(condition, timeout_seconds=240.0):
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def test_a_short_demo_balances_and_prints_one_object(demo, tmp_path):
    process = demo("--seconds", 5, "--json")
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    account = json.loads(out)
    assert list(account) == KEYS
    assert out.count("\n") == 1
    assert account["exits_published"] == account["completed"] + account["entry_missed"] > 0
    assert (account["missing"], account["duplicated"]) == (0, 0)
    assert account["matched_share"] == pytest.approx(0.8, abs=0.05)
    assert account["exit_to_disk_ms"]["p50"] > 0
    of_one_car(account["trace"])
    assert len(Path(account["summary_file"]).read_text().splitlines()) == account["lines"]
    assert "driving" in err
    assert [path.name for path in tmp_path.iterdir()] == [Path(account["summary_file"]).parent.name]
    eventually(lambda: ours(tmp_path) == [])


def test_a_demo_tells_the_account_and_keeps_what_it_was_asked_to_keep(demo, tmp_path):
    kept = tmp_path / "kept"
    process = demo("--seconds", 3, "--rate", 20, "--seed", 7, "--keep", kept)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, out + err
    assert str(kept / "summaries.jsonl") in out
    assert re.search(r"matched share +\d+\.\d\d%", out)
    assert '{"visit_id":' in out
    assert "DOES NOT" not in out
    assert (kept / "backend.log").is_file()
    assert "One car: exit:" in out
    assert "The slowest: exit:" in out
    assert "POST /v1/summaries" in out
    plate = json.loads(kept.joinpath("summaries.jsonl").read_text().splitlines()[0])["vehicle_plate"]
    told = subprocess.run(
        [sys.executable, "-m", "parkstream_cli", "trace", plate, "--json"],
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    exited, entered, *_ = json.loads(told.stdout)["traces"]
    assert entered["linked_by"] == exited["trace_id"]
    assert [row["span"].partition(" ")[0] for row in entered["trace"]][:2] == ["publish", "process"]

    again = demo("--seconds", 3, "--keep", kept)
    _, err = again.communicate(timeout=600)
    assert again.returncode == 1
    assert "is not empty" in err


def test_a_demo_balances_though_the_receiver_that_was_named_is_away(demo):
    process = demo("--seconds", 3, "--json", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert json.loads(out)["trace"] == []
    assert "telemetry goes to http://127.0.0.1:9" in err


def test_ctrl_c_cleans_up(demo, tmp_path):
    process = demo("--seconds", 60)
    eventually(lambda: running("parkstream_entry_generator", tmp_path))
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=600)
    assert process.returncode == 130
    eventually(lambda: ours(tmp_path) == [])
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_dies_is_told_with_its_last_words(demo, tmp_path):
    process = demo("--seconds", 60)
    eventually(lambda: running("parkstream_entry_generator", tmp_path))
    running("parkstream_backend", tmp_path)[0].kill()
    _, err = process.communicate(timeout=600)
    assert process.returncode == 1
    assert "backend ended by itself with code -9; its last lines:" in err
    eventually(lambda: ours(tmp_path) == [])
