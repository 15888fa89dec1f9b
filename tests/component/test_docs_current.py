"""The pages say what the tree says: links lead somewhere, generated pages are current, named tests exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def lines_of(page):
    return page.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_test_that_a_page_names_exists(page):
    named = TEST.findall(page.read_text(encoding="utf-8"))
    assert [f"{file}::{test}" for file, test in named if not exists(ROOT / file, test)] == []


def exists(file, test):
    return file.is_file() and re.search(rf"def {test}\(" if test else "", file.read_text(encoding="utf-8")) is not None


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_is_short_and_says_when_to_think_again(decision):
    lines = lines_of(decision)
    assert len(lines) <= 18
    assert lines[-1].startswith("Reopen when ") or lines[-2].startswith("Reopen when ")


def test_every_decision_is_listed():
    listed = LINK.findall((ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8"))
    assert sorted(listed) == [path.name for path in DECISIONS]


def test_the_configuration_page_is_current():
    made = subprocess.run(
        [sys.executable, "-m", "parkstream_cli", "config", "--markdown"], capture_output=True, text=True, check=True
    )
    assert made.stdout == (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"), (
        "run: parkstream config --markdown > docs/configuration.md"
    )


def test_every_changelog_fragment_is_one_line():
    fragments = [path for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]
    assert all(len(lines_of(path)) == 1 for path in fragments)


def test_every_command_in_the_readme_is_one_of_the_script():
    commands = re.findall(r"^\$ (\./dev \w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    usage = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
    assert commands
    assert [command for command in commands if command not in usage] == []
