"""Whatever goes wrong at a gate, the account of the demo balances: each fault on real servers, the whole way."""

import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.usefixtures("servers")


def demo(tmp_path, *faults):
    """Return what a short demo with *faults* says of itself; it fails unless its account balances."""
    options = [word for fault in faults for word in ("--fault", fault)]
    command = [sys.executable, "-m", "parkstream_cli", "demo", "--seconds", "6", "--rate", "40", "--json", *options]
    environ = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_a_late_gate_and_one_that_is_cut_off_lose_and_miss_nothing(tmp_path):
    told = demo(tmp_path, "south:delay=3", "west:delay=1", "north:outage=1/4", "east:outage=2/5")

    assert min(told["completed"], told["entry_missed"]) > 0
    assert told["entries_by_gate"].keys() == {"north", "south"}
    assert told["exits_by_gate"].keys() == {"east", "west"}
    assert sum(told["exits_by_gate"].values()) == told["exits_published"]


def test_clocks_that_differ_make_exits_that_no_entry_is_before(tmp_path):
    told = demo(tmp_path, "south:skew=20", "west:skew=-1")

    assert told["matched_share"] < 0.75


def test_cars_that_creep_are_one_visit_and_what_has_no_plate_is_a_dead_letter(tmp_path):
    told = demo(tmp_path, "south:creep=4/3", "east:creep=5/4", "north:placeholders=3", "west:placeholders=2")

    assert min(told["duplicate_exit_reads"], told["placeholders"]) > 0
    assert told["exits_published"] > told["completed"] + told["entry_missed"]


def test_cameras_that_number_their_events_each_from_1_make_a_visit_of_each_exit(tmp_path):
    told = demo(tmp_path, "ids=daily")

    assert told["completed"] > 0
