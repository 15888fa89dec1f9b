"""No process of ours prints what an error quotes that nobody catches: a plate, or a password."""

import ast
import tomllib

import pytest
from the_tree import MODULES, ROOT, parsed, relative

NOTHING_OF_OTHERS = {
    "libs/devtools/src/parkstream_devtools/servers/guardian.py",
    "libs/telemetry/src/parkstream_telemetry/__main__.py",
    "signoz/definitions/src/parkstream_definitions/__main__.py",
}
"""They read nothing but what is in the tree, or names of ours."""


def runs(module):
    """Whether *module* can be run as a process."""
    return any(isinstance(node, ast.If) and "'__main__'" in ast.dump(node.test) for node in parsed(module).body)


def withholds(module):
    calls = [node.func for node in ast.walk(parsed(module)) if isinstance(node, ast.Call)]
    return any(isinstance(func, ast.Name) and func.id == "print_without_quotes" for func in calls)


@pytest.mark.parametrize("module", [one for one in MODULES if runs(one)], ids=relative)
def test_a_process_withholds_what_errors_quote(module):
    assert withholds(module) or relative(module) in NOTHING_OF_OTHERS


def test_so_does_a_command():
    for file in (ROOT / "pyproject.toml", *ROOT.glob("*/*/pyproject.toml")):
        for name, entry in tomllib.loads(file.read_text())["project"].get("scripts", {}).items():
            assert entry.endswith(".__main__:run"), f"{file}: {name}"
