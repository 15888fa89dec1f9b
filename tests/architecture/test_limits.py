"""Code stays small enough to be read: every module and function, and the one in the middle."""

from statistics import median

from the_tree import BESIDE, MODULES, TESTS, functions, relative


def lines_of(module):
    return module.read_text(encoding="utf-8").splitlines()


def longer_than(limit, modules):
    return {relative(module): len(lines_of(module)) for module in modules if len(lines_of(module)) > limit}


def test_no_module_is_longer_than_250_lines():
    assert longer_than(250, [*MODULES, *BESIDE]) == {}


def test_no_test_module_is_longer_than_400_lines():
    assert longer_than(400, TESTS) == {}


def test_no_function_is_longer_than_40_lines():
    found = [function for module in [*MODULES, *BESIDE] for function in functions(module)]
    assert [function for function in found if function.lines > 40] == []


def test_the_median_module_has_at_most_60_lines_that_are_not_blank():
    sizes = [sum(1 for line in lines_of(module) if line.strip()) for module in MODULES if lines_of(module)]
    assert median(sizes) <= 60


def test_the_median_function_has_at_most_6_lines():
    assert median(function.lines for module in MODULES for function in functions(module)) <= 6
