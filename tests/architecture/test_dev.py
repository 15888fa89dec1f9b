"""``./dev`` lists what it can do, and can do what it lists."""

import re
import subprocess
import sys

import pytest
from the_tree import ROOT

DEV = ROOT / "dev"


def dev(*words, cwd=ROOT):
    return subprocess.run([DEV, *words], cwd=cwd, capture_output=True, text=True, check=False)


def commands():
    arms = re.search(r"^case \$command in\n(.*)^esac", DEV.read_text(), re.DOTALL | re.MULTILINE)
    assert arms is not None
    words = re.findall(r"^([a-z| -]+)\)$", arms[1], re.MULTILINE)
    return {word for arm in words for word in arm.split(" | ")} - {"help", "-h", "--help"}


def test_alone_it_lists_every_command(tmp_path):
    listed = dev(cwd=tmp_path)
    assert listed.returncode == 0
    assert listed.stderr == ""
    assert all(re.search(rf"\b{command}\b", listed.stdout) for command in commands())


def test_how_to_run_some_tests_is_said_without_preparing_anything():
    answer = dev("test", "--help")
    assert answer.returncode == 0
    assert answer.stderr == ""
    folders = {path.name for path in (ROOT / "tests").iterdir() if any(path.glob("test_*.py"))}
    assert [name for name in sorted(folders) if f"`tests/{name}`" not in answer.stdout] == []


def test_bench_alone_lists_what_can_be_measured():
    answer = subprocess.run([sys.executable, "-m", "benchmarks"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0
    assert answer.stderr == ""
    names = set(re.findall(r"^ +(\w+) +\S", answer.stdout, re.MULTILINE))
    assert {"drain", "latency", "publish", "grow", "log", "all"} <= names


def test_fuzz_explains_itself_and_names_its_targets():
    answer = subprocess.run(
        [sys.executable, "-m", "fuzzing", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert all(f"  {name}  " in answer.stdout for name in ("messages", "traceparents", "api-summaries"))
    assert all(option in answer.stdout for option in ("--inputs N", "--seed S", "--replay FILE", "--json"))


def test_chaos_explains_itself_and_names_its_kinds():
    answer = subprocess.run(
        [sys.executable, "-m", "chaos", "--help"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stderr) == (0, "")
    assert all(f"  {kind}" in answer.stdout for kind in ("backend-killed", "redis-older", "archive-killed"))
    assert all(option in answer.stdout for option in ("--seed S", "--minutes N", "--events N", "--resume DIR"))


def test_every_session_of_nox_is_a_command():
    sessions = re.findall(r"^@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    assert set(sessions) <= commands()


def test_an_unknown_command_is_an_error_on_stderr():
    answer = dev("fly")
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert "no command fly" in answer.stderr


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_it_is_posix_sh_and_short(shell):
    assert DEV.read_text().startswith("#!/bin/sh\n")
    assert len(DEV.read_text().splitlines()) <= 120
    subprocess.run([shell, "-n", DEV], check=True)
