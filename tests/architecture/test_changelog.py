"""A line for whoever runs it, per change: towncrier gathers them when there is a release."""

import shutil
import subprocess
import sys

from the_tree import ROOT

START = "<!-- the newest release comes first -->\n"


def test_a_release_takes_every_fragment(tmp_path):
    (tmp_path / "changelog.d").mkdir()
    for name in ("pyproject.toml", "CHANGELOG.md", "changelog.d/template.jinja"):
        shutil.copy(ROOT / name, tmp_path / name)
    before = (tmp_path / "CHANGELOG.md").read_text().split(START)[1]
    lines = [f"What `change` {number} is, with [a link](docs/log.md)." for number in range(3)]
    for number, line in enumerate(lines):
        (tmp_path / "changelog.d" / f"topic-{number}.change.md").write_text(f"{line}\n")
    build = [sys.executable, "-m", "towncrier", "build", "--yes", "--version", "7.8.9", "--date", "2026-12-24"]
    subprocess.run(build, cwd=tmp_path, capture_output=True, check=True)
    after = (tmp_path / "CHANGELOG.md").read_text().split(START)[1]
    assert after.strip().splitlines()[:5] == ["## 7.8.9 (2026-12-24)", "", *(f"- {line}" for line in lines)]
    assert after.endswith(before)
    assert [path.name for path in (tmp_path / "changelog.d").iterdir()] == ["template.jinja"]
