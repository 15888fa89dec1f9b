"""The pages say what the tree says: links lead somewhere, generated pages are current, named tests exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from chaos import report
from fuzzing import report as odd_inputs
from fuzzing.pool import DECODERS
from fuzzing.services import ROUTES

ROOT = Path(__file__).parents[2]
TOP_PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "tests/README.md")]
PAGES = [*TOP_PAGES, *sorted((ROOT / "docs").rglob("*.md"))]
TOPS = ("apps", "benchmarks", "chaos", "deploy", "docs", "fuzzing", "libs", "signoz", "tests")
TREE = [path.as_posix() for path in ROOT.glob("*.*")] + [
    path.as_posix() for top in TOPS for path in (ROOT / top).rglob("*.*")
]
CODE = [Path(path) for path in TREE if path.endswith(".py")]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
ANCHOR = re.compile(r"\]\(([^)#\s]*)#([^)]+)\)")
BLOCK = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`((?:[\w.-]+/)*[\w-]+\.(?:py|lua|md|json|yaml|sql|toml|conf|acl))`")
FOLDER = re.compile(r"`((?:apps|libs|signoz|deploy|docs|tests|benchmarks|chaos|fuzzing)/[\w./-]*)`")
PAGE_NAME = re.compile(r"(?<![\w./}-])(?:[\w-]+/)*[\w-]+\.md\b")
HEADS = {"what happens", "promise", "what", "word", "reason", "the gap", "what you see", "what it prints", "kind"}
EARLIER = {"docs/openapi-backend.json"}
"""What an earlier release had, as the change log says."""
ELSEWHERE = {
    "backup.json",
    "cells.toml",
    "credentials.json",
    "manifest.json",
    "rabbitmq_definitions.json",
    "redis_users.acl",
} | EARLIER
"""What pages name that lies elsewhere."""
MADE_LATER = {"deploy/compose/.secrets", "deploy/compose/images.env"}
"""What a command makes."""
TEST = re.compile(r"(tests/[\w/]+\.py)(?:::(\w+))?")


def lines_of(page):
    return page.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def headings_of(page):
    return re.findall(r"^#+ (.+)$", BLOCK.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)


def anchor_of(heading):
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_section_leads_to_one(page):
    links = ANCHOR.findall(page.read_text(encoding="utf-8"))
    targets = [(page.parent / path if path else page, anchor) for path, anchor in links if "://" not in path]
    assert [anchor for target, anchor in targets if anchor not in map(anchor_of, headings_of(target))] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_section_of_a_page_has_a_title_of_its_own(page):
    headings = headings_of(page)
    assert [heading for heading in headings if headings.count(heading) > 1] == []


@pytest.mark.parametrize("name", ["guarantees.md", "runbook.md", "glossary.md"])
def test_a_page_that_is_looked_up_has_one_row_for_each_thing(name):
    first_cells = re.findall(r"^\| *(.+?) *\|", (ROOT / "docs" / name).read_text(encoding="utf-8"), re.MULTILINE)
    things = [cell for cell in first_cells if cell not in HEADS and "---" not in cell]
    assert [thing for thing in things if things.count(thing) > 1] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    assert [file for file in FILE.findall(text) if not in_the_tree(file, page)] == []
    folders = set(FOLDER.findall(text)) - MADE_LATER - EARLIER
    assert [folder for folder in folders if not any(ROOT.glob(f"{folder.rstrip('/')}*"))] == []


def in_the_tree(name, named_by):
    """A page may name a file by the end of its path, or as a link beside it would."""
    return name in ELSEWHERE or (named_by.parent / name).exists() or any(path.endswith("/" + name) for path in TREE)


def test_every_page_that_code_names_exists():
    named = {(path, name) for path in CODE for name in PAGE_NAME.findall(path.read_text(encoding="utf-8"))}
    assert [f"{path}: {name}" for path, name in sorted(named) if not in_the_tree(name, path)] == []


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


def test_every_decision_is_listed_in_order_and_under_its_title():
    text = (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8")
    listed = re.findall(r"^(\d+)\. \[(.+)\]\((.+)\)$", text, re.MULTILINE)
    expected = [(str(n), lines_of(path)[0].removeprefix("# "), path.name) for n, path in enumerate(DECISIONS, start=1)]
    assert listed == expected
    assert [int(path.name[:2]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


def test_the_configuration_page_is_current():
    made = subprocess.run(
        [sys.executable, "-m", "parkstream_cli", "config", "--markdown"], capture_output=True, text=True, check=True
    )
    assert made.stdout == (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8"), (
        "run: parkstream config --markdown > docs/configuration.md"
    )


def test_the_table_of_campaigns_is_that_of_their_result():
    page = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
    assert f"{report.MARKS[0]}\n{report.table(report.result())}\n{report.MARKS[1]}" in page, (
        "run: python -m chaos.report"
    )


def test_the_table_of_odd_inputs_is_that_of_their_result_and_has_every_target():
    page, result = (ROOT / "docs" / "security.md").read_text(encoding="utf-8"), odd_inputs.kept()
    assert odd_inputs.MARKS.around(odd_inputs.table(result)) in page, "run: python -m fuzzing.report"
    assert {row["target"] for row in result["results"]} == {*DECODERS, *ROUTES}


def test_every_changelog_fragment_is_one_line():
    fragments = [path for path in (ROOT / "changelog.d").glob("*.md") if path.name != "README.md"]
    assert all(len(lines_of(path)) == 1 for path in fragments)


def test_every_command_in_the_readme_is_one_of_the_script():
    commands = re.findall(r"^\$ (\./dev \w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    usage = subprocess.run([ROOT / "dev", "help"], capture_output=True, text=True, check=True).stdout
    assert commands
    assert [command for command in commands if command not in usage] == []


def test_what_the_readme_asks_about_is_in_what_its_demo_printed():
    sessions = re.findall(
        r"^\$ (.+)\n((?:(?!\$ |```).*\n)*)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    printed = next(answer for command, answer in sessions if command == "./dev demo")
    asked = [command.split()[-1] for command, _ in sessions if re.match(r"\./dev (trace|visit) ", command)]
    assert asked
    assert [car for car in asked if car not in printed] == []
