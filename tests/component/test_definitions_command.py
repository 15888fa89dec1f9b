"""The command that writes the JSON, and says what differs."""

import subprocess
import sys


def definitions(*arguments):
    command = [sys.executable, "-m", "parkstream_definitions", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_it_says_what_differs_and_mends_it(tmp_path):
    found = definitions("--check", tmp_path)
    assert found.returncode == 1
    assert "differs: dashboards/parking.json" in found.stdout
    assert definitions(tmp_path).returncode == 0
    assert definitions("--check", tmp_path).returncode == 0
    assert definitions().returncode == 2
    assert definitions("--wrong", tmp_path).returncode == 2
