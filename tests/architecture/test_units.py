"""A length of time has one definition: a second copy is sooner or later another length."""

import ast
from pathlib import Path

import pytest
from parkstream_events import units
from the_tree import BESIDE, MODULES, ROOT

DEFINITION = ROOT / "libs/events/src/parkstream_events/units.py"
LENGTHS = {name: value for name, value in vars(units).items() if name.endswith("_US")}


def second_definitions(source: str) -> list[str]:
    """Return the constants of *source* that have a unit's name or, under a name of their own, its length."""
    found = []
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=value) if value is not None:
                pass
            case _:
                continue
        is_length = isinstance(value, ast.Constant) and value.value in LENGTHS.values() and value.value > 1_000
        if name.lstrip("_") in LENGTHS or (is_length and not name.endswith(("_MAX", "_SECONDS"))):
            found.append(name)
    return found


def test_no_module_defines_a_unit_a_second_time():
    found = {
        str(path.relative_to(ROOT)): names
        for path in [*MODULES, *BESIDE]
        if path != DEFINITION and (names := second_definitions(path.read_text()))
    }
    assert found == {}


@pytest.mark.parametrize(
    "copy", ["SECOND_US: int = 1_000_000", "_DAY_US = 24 * 3_600_000_000", "MICROSECONDS = 1_000_000"]
)
def test_a_second_definition_is_found(copy):
    assert second_definitions(f"import os\n\n{copy}\n") == [copy.split(" ")[0].rstrip(":")]


def test_the_definition_is_where_the_test_looks():
    assert set(second_definitions(Path(DEFINITION).read_text())) == set(LENGTHS)
