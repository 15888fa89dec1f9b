import ast
import json
from pathlib import Path

import pytest

from benchmarks import capacity_table, deck, pages
from benchmarks.tour import TOUR

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("stop", TOUR, ids=lambda stop: stop.part)
def test_the_deck_points_at_code_that_is_there(stop):
    tree = ast.parse((ROOT / stop.path).read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)}
    assert set(stop.names) <= defined


def test_the_deck_is_what_its_template_and_the_results_give():
    assert deck.page() == (ROOT / "docs/deck/deck.html").read_text(encoding="utf-8"), "run: ./dev deck"


def test_the_performance_page_is_what_the_results_give():
    assert pages.text() == (ROOT / "docs/performance.md").read_text(encoding="utf-8"), "run: ./dev bench all"


def test_the_table_of_capacity_is_what_its_result_gives():
    result = json.loads((pages.RESULTS / "capacity.json").read_text(encoding="utf-8"))
    page = capacity_table.PAGE.read_text(encoding="utf-8")
    assert capacity_table.page(page, result["results"][0], pages.machine_of(result)) == page, "run: ./dev bench all"


def test_the_deck_has_exactly_three_slides():
    template = (ROOT / "docs/deck/template.html").read_text()
    assert template.count("<section>") == template.count("</section>") == 3
