"""Lua sources: one of them writes records, one writes the outbox, and what they need is there once."""

import re

from the_tree import MODULES, ROOT, relative, strings

SOURCES = sorted((ROOT / "libs").rglob("*.lua"))
RECORD = "libs/eventlog/src/parkstream_eventlog/lua/record.lua"
OUTBOX = "libs/projection/src/parkstream_projection/lua/outbox.lua"


def test_every_xadd_to_a_log_or_an_outbox_is_in_its_one_source():
    found = {relative(source): source.read_text(encoding="utf-8").count("call('XADD'") for source in SOURCES}
    assert {file: count for file, count in found.items() if count} == {RECORD: 2, OUTBOX: 1}


def test_no_module_adds_to_a_stream_by_itself():
    added = {relative(module) for module in MODULES if "XADD" in strings(module)}
    called = {relative(module) for module in MODULES if re.search(r"\.xadd\(", module.read_text(encoding="utf-8"))}
    assert added | called == set()


def test_what_several_sources_of_the_log_and_of_projections_need_is_defined_once():
    names = [
        name
        for source in SOURCES
        if not {"generators", "summaries"} & set(source.parts)  # Those write no log, and stand alone.
        for name in re.findall(r"^local function (\w+)", source.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert sorted({name for name in names if names.count(name) > 1}) == ["append", "finish"]
