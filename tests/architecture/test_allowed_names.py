"""What other projects keep to themselves is used where this page says so, and held there by a contract test."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from the_tree import ROOT

CODE = sorted(path for top in ("libs", "apps", "signoz") for path in (ROOT / top).rglob("*.py"))
CONTRACT = ROOT / "tests" / "contract" / "test_private_names.py"
LOGS = re.compile(
    r"opentelemetry\.(?:(?:sdk\.)?_logs|exporter\.otlp\.proto\.(?:grpc|http)\._log_exporter)(?:\.[A-Za-z]+)*"
)
"""The logs of OpenTelemetry are in modules of such names until they are stable: its documentation imports them so."""
EXPORTERS = {"self._client", "self._export", "self._translate_data"}
"""Of OpenTelemetry's exporters, which tests/component/test_telemetry_export.py runs against a receiver."""
ALLOWED = {
    "self._connection_kwargs": "what FastStream's broker hands on to aio-pika",
    "self._consumer_tag": "which consumer of its channel FastStream's subscriber is",
    "self._queue_obj": "the queue that FastStream's subscriber consumes",
    "self._send_packed_command": "redis-py's writing, without its wait_for",
    "_ack_policy=": "FastStream's subscribers are made with it",
    "_outer_config=": "the same",
}
"""Names, each with what it is."""
PUBLIC = {"sys._getframe", "os._exit", "self._replace"}
"""Those that are documented in spite of their name."""


def private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            parts = node.module.split(".")
            if any(map(private, parts)) and not parts[0].startswith("parkstream"):
                yield node.module
            elif not parts[0].startswith("parkstream"):
                yield from (f"{node.module}.{one.name}" for one in node.names if private(one.name))
        elif isinstance(node, ast.Import):
            yield from (one.name for one in node.names if any(map(private, one.name.split("."))))


def own_names(body: ast.ClassDef) -> set[str]:
    """Return what the class gives to itself: methods, fields, and attributes that it sets."""
    defined = {node.name for node in ast.walk(body) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    named = {node.id for node in ast.walk(body) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    set_ = {node.attr for node in ast.walk(body) if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)}
    return defined | named | set_


def inherited(tree: ast.Module, known: dict[str, set[str]]) -> Iterator[str]:
    """Yield private attributes of ``self`` that neither a class of *tree* nor an own base of it defines."""
    for body in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        bases = {base.id for base in body.bases if isinstance(base, ast.Name)}
        own = own_names(body).union(*(known.get(base, set()) for base in bases))
        for node in ast.walk(body):
            of_self = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self"
            if of_self and private(node.attr) and node.attr not in own:
                yield f"self.{node.attr}"


def elsewhere(tree: ast.AST) -> Iterator[str]:
    """Yield private attributes of modules and private arguments of calls."""
    modules = {one.asname or one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            if private(node.attr):
                yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg and private(node.arg):
            yield f"{node.arg}="


def used() -> dict[str, list[Path]]:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in CODE}
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    known: dict[str, set[str]] = {}
    for body in classes:
        known.setdefault(body.name, set()).update(own_names(body))
    found: dict[str, list[Path]] = {}
    for path, tree in trees.items():
        for name in {*imported(tree), *inherited(tree, known), *elsewhere(tree)} - PUBLIC:
            found.setdefault(name, []).append(path.relative_to(ROOT))
    return found


def test_no_private_name_is_used_but_those_that_are_allowed():
    allowed = ALLOWED.keys() | EXPORTERS
    assert {name: paths for name, paths in used().items() if name not in allowed and not LOGS.fullmatch(name)} == {}


def test_no_private_name_is_allowed_that_is_not_used():
    assert sorted(ALLOWED.keys() - used().keys()) == []


def test_each_private_name_is_held_by_the_contract_test():
    text = CONTRACT.read_text(encoding="utf-8")
    parts = {name: name.removeprefix("self.").removesuffix("=") for name in ALLOWED}
    assert [name for name, part in parts.items() if part not in text] == []
