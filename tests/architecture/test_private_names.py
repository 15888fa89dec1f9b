"""Telemetry leans on no private name of a library."""

import ast
from collections.abc import Iterator

from the_tree import ROOT

SOURCES = sorted((ROOT / "libs" / "telemetry" / "src").rglob("*.py"))
NAMED_SO = {"_logs"}
"""OpenTelemetry's own name for what it documents for logs."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__") and name not in NAMED_SO


def leaning(tree: ast.AST) -> Iterator[str]:
    """Return the private names that a module takes from elsewhere."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=value, attr=attr) if private(attr):
                if not (isinstance(value, ast.Name) and value.id in {"self", "cls"}):
                    yield attr
            case ast.ImportFrom(module=str(module), names=names):
                yield from filter(private, [*module.split("."), *(one.name for one in names)])
            case _:
                pass


def test_nothing_private_is_used():
    found = {path.name: [*leaning(ast.parse(path.read_text()))] for path in SOURCES}
    assert {name: names for name, names in found.items() if names} == {}
    assert len(found) > 25
