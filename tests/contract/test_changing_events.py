"""docs/changing-events.md walks one new field through every room: its blocks are a patch, and the patched tree runs."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from parkstream_visits import RULES_VERSION

ROOT = Path(__file__).parents[2]
WALK = "".join(
    re.findall(r"^```diff\n(.*?)^```", (ROOT / "docs/changing-events.md").read_text(), re.DOTALL | re.MULTILINE)
)
SCRIPT = ROOT / "tests/support/camera_model.py"
ROOMS = ("apps", "libs", "signoz")


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the product, before the walk."""
    copy = tmp_path_factory.mktemp("tree")
    for room in ROOMS:
        shutil.copytree(ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    return copy


def applied(tree: Path, patch: str) -> "subprocess.CompletedProcess[str]":
    command = ["git", "apply", "-p0", "-C1", "-"]
    return subprocess.run(command, cwd=tree, input=patch, text=True, capture_output=True, check=False)


def ran(tree: Path) -> dict[str, Any]:
    """Return what comes of an exit with a camera model in *tree*."""
    sources = os.pathsep.join(str(path) for path in tree.glob("*/*/src"))
    done = subprocess.run(
        [sys.executable, str(SCRIPT)],
        env={**os.environ, "PYTHONPATH": sources},
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_an_exit_with_a_camera_model_becomes_a_summary_with_it(tree: Path):
    done = applied(tree, WALK)
    assert done.returncode == 0, f"docs/changing-events.md does not fit the tree any more:\n{done.stderr}"
    came = ran(tree)
    model = came["wanted"]
    assert [came[where] for where in ("sent", "kept", "item", "line", "metric")] == [model] * 5
    assert came["panels"] > 0
    assert came["version_1"] is None
    assert came["rules_version"] == RULES_VERSION + 1


def test_a_walk_that_does_not_fit_the_tree_is_noticed(tree: Path):
    assert applied(tree, WALK.replace("class VehicleExited", "class VehicleLeft")).returncode != 0
