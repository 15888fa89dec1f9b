"""What the repository holds: its members, their modules and functions."""

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]


class Member(NamedTuple):
    """A folder below apps, libs or signoz with a pyproject.toml."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def package(self) -> str:
        return f"parkstream_{self.name.replace('-', '_')}"

    @property
    def project(self) -> dict[str, Any]:
        return tomllib.loads((self.folder / "pyproject.toml").read_text())["project"]

    @property
    def modules(self) -> list[Path]:
        return sorted((self.folder / "src").rglob("*.py"))


class Function(NamedTuple):
    where: str
    lines: int


TOPS = ("apps", "libs", "signoz")
MEMBERS = [Member(path.parent) for top in TOPS for path in sorted(ROOT.glob(f"{top}/*/pyproject.toml"))]
MODULES = [module for member in MEMBERS for module in member.modules]
BESIDE = sorted(path for top in ("benchmarks", "chaos", "fuzzing") for path in (ROOT / top).rglob("*.py"))
"""What runs from a clone only."""
TESTS = sorted((ROOT / "tests").rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def parsed(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"))


def functions(module: Path) -> list[Function]:
    found = [node for node in ast.walk(parsed(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return [Function(f"{relative(module)}:{node.name}", (node.end_lineno or 0) - node.lineno + 1) for node in found]


def imported(module: Path) -> set[str]:
    """Return the top-level names that *module* imports."""
    nodes = list(ast.walk(parsed(module)))
    plain = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    named = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    return {name.split(".")[0] for name in plain | named}


def strings(module: Path) -> set[str]:
    nodes = ast.walk(parsed(module))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
