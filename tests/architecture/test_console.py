"""Commands print through one console, so that no text of others is ever taken for markup."""

import ast

import pytest
from the_tree import MEMBERS, parsed, relative

COMMANDS = next(member for member in MEMBERS if member.name == "cli")
PRINTERS = {"console", "output"}
DRAWN = {"rich.console", "rich.text", "rich"}
CONFIG_PAGE = "config"
"""Prints docs/configuration.md byte by byte, with --markdown; all in it is ours."""


@pytest.mark.parametrize("module", [one for one in COMMANDS.modules if one.stem not in PRINTERS], ids=relative)
def test_no_command_prints_by_itself(module):
    tree = parsed(module)
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)} & DRAWN
    assert imported <= ({"rich.text"} if module.stem == "progress" else set())
    called = [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert "print" not in called
    writes = [name for name in called if name in {"sys.stdout.write", "sys.stderr.write"}]
    assert writes == (["sys.stdout.write"] if module.stem == CONFIG_PAGE else [])
