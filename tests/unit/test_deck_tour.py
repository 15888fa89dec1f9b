import ast
from pathlib import Path

import pytest

from benchmarks.tour import TOUR

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stop", TOUR, ids=lambda stop: stop.part)
def test_the_deck_points_at_code_that_is_there(stop):
    tree = ast.parse((ROOT / stop.path).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert set(stop.names) <= defined


def test_the_deck_has_exactly_three_slides():
    template = (ROOT / "docs/deck/template.html").read_text()
    assert template.count("<section>") == template.count("</section>") == 3
