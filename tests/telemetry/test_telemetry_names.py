"""Every name is listed once, documented, used as listed, and nothing is emitted past the list."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
from parkstream_telemetry import conformance, docs, names
from parkstream_telemetry.kinds import Attribute, Event, Metric, Span

ROOT = Path(__file__).parents[2]
MEMBERS = sorted([*ROOT.glob("libs/*/src"), *ROOT.glob("apps/*/src")])
SOURCES = [
    path for member in MEMBERS for path in member.rglob("*.py") if not {"parkstream_telemetry", "otlp"} & {*path.parts}
]
TELLING = {"add": ("counter",), "record": ("histogram",), "watch": ("gauge", "counter"), "log": None}
OPTIONS = {"add": {"value"}, "record": set(), "watch": set(), "log": {"span", "error"}}
OWN_ATTRIBUTE = re.compile(r"parking\.[a-z0-9_.]+")
STANDARD = ("messaging.", "http.", "server.", "url.", "error.", "exception.")
KINDS = (Attribute, Event, Metric, Span)

LISTED = {constant: one for constant, one in vars(names).items() if isinstance(one, KINDS)}


@cache
def trees():
    return [(path, ast.parse(path.read_text())) for path in SOURCES]


def speaks(tree):
    """Return whether a module imports our ``names``."""
    imports = [
        node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "parkstream_telemetry"
    ]
    return any(alias.name == "names" for node in imports for alias in node.names)


def name_of(node):
    """Return the constant that ``names.X`` stands for."""
    is_name = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "names"
    return node.attr if is_name else None


def tellings():
    """Return every call such as ``telemetry.add(names.X, …)``."""
    for path, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args and speaks(tree):
                constant = name_of(node.args[0])
                if constant is not None and node.func.attr in TELLING:
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node, LISTED.get(constant)


def test_the_page_is_current():
    page = (ROOT / "docs" / "telemetry.md").read_text()
    assert page == docs.page(), "run: python -m parkstream_telemetry docs > docs/telemetry.md"


def test_the_page_tells_of_every_name():
    page = docs.page()
    told = [one for one in LISTED.values() if not isinstance(one, Attribute)]
    assert [one.name for one in told if f"`{one.name}`" not in page] == []


@pytest.mark.parametrize("kind", [Event, Metric, Span])
def test_no_name_is_listed_twice(kind):
    all_names = [one.name for one in LISTED.values() if isinstance(one, kind)]
    assert sorted(all_names) == sorted(set(all_names))


def test_no_constant_hides_another():
    modules = [module for module in vars(names).values() if getattr(module, "__name__", "").startswith(names.__name__)]
    defined = [
        (constant, id(one)) for module in modules for constant, one in vars(module).items() if isinstance(one, KINDS)
    ]
    assert len(dict(defined)) == len(set(defined))


def test_an_argument_names_one_attribute_only():
    attributes = [one for one in LISTED.values() if isinstance(one, Attribute)]
    assert len({one.keyword for one in attributes}) == len({one.name for one in attributes}) == len(attributes)
    for one in LISTED.values():
        if not isinstance(one, Attribute):
            keywords = [attribute.keyword for attribute in one.attributes]
            assert sorted(keywords) == sorted(set(keywords)), one.name


def test_every_name_has_a_meaning_that_is_a_sentence():
    assert [one.name for one in LISTED.values() if not one.meaning.endswith(".")] == []


def test_constants_say_what_they_are():
    prefixes = {Event: "EVENT_", Span: "SPAN_", Attribute: "ATTRIBUTE_"}
    for constant, one in LISTED.items():
        prefix = prefixes.get(type(one))
        assert constant.startswith(prefix) if prefix else not constant.startswith(tuple(prefixes.values()))


def test_metrics_are_ours_or_those_of_the_conventions():
    for one in LISTED.values():
        if isinstance(one, Metric):
            assert one.name.startswith(("parking.", "messaging.", "http."))
            assert bool(one.buckets) == (one.kind == "histogram")
            assert list(one.buckets) == sorted(one.buckets)


def test_no_plate_has_a_name():
    everything = [*LISTED.values(), *(one for each in LISTED.values() for one in getattr(each, "attributes", ()))]
    plates = {one.name for one in everything if isinstance(one, Attribute) and "plate" in one.name}
    assert plates == {"parking.vehicle.plate_hash"}


def test_members_use_only_names_that_are_listed():
    unknown = [
        f"{path.relative_to(ROOT)}:{node.lineno} names.{constant}"
        for path, tree in trees()
        if speaks(tree)
        for node in ast.walk(tree)
        if (constant := name_of(node)) is not None and not hasattr(names, constant)
    ]
    assert unknown == []


def test_members_say_only_attributes_that_are_listed():
    wrong = []
    for where, call, one in tellings():
        said = {keyword.arg for keyword in call.keywords if keyword.arg is not None}
        known = OPTIONS[call.func.attr] | {attribute.keyword for attribute in getattr(one, "attributes", ())}
        wrong += [f"{where} {sorted(said - known)}"] if said - known else []
    assert wrong == []


def test_members_use_each_metric_as_what_it_is():
    wrong = []
    for where, call, one in tellings():
        expected = TELLING[call.func.attr]
        fits = isinstance(one, Event) if expected is None else isinstance(one, Metric) and one.kind in expected
        wrong += [] if fits else [f"{where} {call.func.attr}({one})"]
    assert wrong == []


def test_members_leave_opentelemetry_and_log_lines_to_this_library():
    wrong = []
    for path, tree in trees():
        for node in ast.walk(tree):
            module = node.module if isinstance(node, ast.ImportFrom) else None
            imported = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [module or ""]
            bad = [one for one in imported if one.startswith(("opentelemetry", "structlog", "prometheus"))]
            bad = [one for one in bad if one not in {"opentelemetry.trace", "opentelemetry.context"}]
            if isinstance(node, ast.Attribute) and node.attr in {"start_span", "start_as_current_span"}:
                bad.append(node.attr)
            wrong += [f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} {one}" for one in bad]
    assert wrong == []


def test_what_is_not_listed_is_found_out():
    assert conformance.span_problem("publish parking.events:x", "PRODUCER", ["messaging.system"]) is None
    assert "not listed" in conformance.span_problem("invented", "CLIENT", [])
    assert "not CLIENT" in conformance.span_problem("project", "CLIENT", [])
    assert "plate" in conformance.span_problem("project", "INTERNAL", ["plate"])
    assert "not listed" in conformance.metric_problem("invented", "s", [])
    assert "listed in s" in conformance.metric_problem("parking.commit.duration", "ms", [])
    assert "plate" in conformance.metric_problem("parking.commit.duration", "s", ["plate"])
    assert "not listed" in conformance.event_problem("invented", [])
    assert "plate" in conformance.event_problem("record.resumed", ["plate"])
    assert conformance.event_problem("record.resumed", ["exception.type"]) is None
