"""What ``docs/architecture.md`` says of the tree is so: the file and function of each step, and every member."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from the_tree import MEMBERS, ROOT, TOPS, parsed

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (?P<step>[^|]+) \| `(?P<file>[\w./-]+)` \| (?P<names>(?:`[\w.]+`(?:, )?)+) \|$", re.MULTILINE)
STEPS = [(row["step"], row["file"], re.findall(r"`([\w.]+)`", row["names"])) for row in ROW.finditer(PAGE)]
LUA_FUNCTION = re.compile(r"^(?:local )?function (\w+)", re.MULTILINE)
WAY = ["publish", "record", "the log", "project", "deliver", "summary-api"]
SPANS = ["publish", "process", "project", "deliver", "POST", "write"]


def defined_in(path: Path) -> set[str]:
    """Return the names of functions, classes, methods (``Class.method``) and constants of *path*."""
    if path.suffix == ".lua":
        return set(LUA_FUNCTION.findall(path.read_text(encoding="utf-8")))
    return set(names_of(parsed(path)))


def names_of(node: ast.AST, prefix: str = "") -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield prefix + name
            case ast.ClassDef(name=name):
                yield prefix + name
                yield from names_of(child, f"{prefix}{name}.")
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield prefix + name
            case _:
                pass


@pytest.mark.parametrize(("step", "file", "names"), STEPS, ids=[f"{step} {file}" for step, file, _ in STEPS])
def test_each_step_is_where_the_code_map_says(step: str, file: str, names: list[str]):
    assert (ROOT / file).is_file(), f"{step}: no file {file}"
    assert [name for name in names if name not in defined_in(ROOT / file)] == [], f"{step}: not in {file}"


def test_the_code_map_has_every_step_of_an_event_in_order():
    steps = [step.partition(":")[0] for step, _, _ in STEPS]
    assert [step for step in dict.fromkeys(steps) if step in WAY] == WAY


def test_the_code_map_has_every_span_of_a_cars_trace_in_order():
    assert [step.strip("`") for step, _, _ in STEPS if step.startswith("`")] == SPANS


def test_the_tree_of_the_page_is_the_real_one():
    tree = re.search(r"^## The tree\n.*?```text\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    assert tree is not None
    folder, drawn = "", list[str]()
    for line in tree[1].splitlines():
        name = line.split()[0]
        if line.startswith("  "):
            drawn.append(f"{folder}{name}")
        else:
            folder = name
    assert sorted(drawn) == sorted(str(member.folder.relative_to(ROOT)) for member in MEMBERS)
    assert {place.split("/")[0] for place in drawn} == set(TOPS)
