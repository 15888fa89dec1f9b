"""Drift is what is no longer contained; defaults, order of keys and what is empty are none."""

import pytest
from parkstream_provision.containment import differences
from parkstream_provision.files import read


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"a": 1}, {"a": 1.0, "b": 2}),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}], "e": 4}}),
        ({"a": "", "b": [], "c": False, "d": None}, {}),
        ({"a": ""}, {"a": None}),
        ({"url": "http://pager"}, {"url": "<secret>"}),
    ],
)
def test_what_is_contained_is_no_drift(wanted, found):
    assert differences(wanted, found) == []


@pytest.mark.parametrize(
    ("wanted", "found", "says"),
    [
        ({"a": 1}, {}, "it.a is missing"),
        ({"a": 1}, {"a": 2}, "it.a is 2 instead of 1"),
        ({"a": True}, {"a": 1}, "it.a is 1 instead of True"),
        ({"a": False}, {"a": True}, "it.a is True instead of False"),
        ({"a": [1, 2]}, {"a": [1, 2, 3]}, "it.a has 3 entries instead of 2"),
        ({"a": [{"b": 1}]}, {"a": [{"b": "1"}]}, "it.a[0].b is '1' instead of 1"),
        ({"a": {"b": 1}}, {"a": []}, "it.a is [] instead of {'b': 1}"),
        ([1], "x" * 100, f"it is '{'x' * 56}... instead of [1]"),
    ],
)
def test_what_is_not_contained_is_named(wanted, found, says):
    assert differences(wanted, found) == [says]


def test_only_channels_and_rules_read_the_environment(tmp_path):
    for kind in ("channels", "rules", "dashboards"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "one.json").write_text('{"a": "${SOME:-else}"}')
    found = read(tmp_path, {"SOME": 'thing "quoted"'})
    assert found.by_kind["channels"] == [{"a": 'thing "quoted"'}]
    assert found.by_kind["rules"] == [{"a": 'thing "quoted"'}]
    assert found.by_kind["dashboards"] == [{"a": "${SOME:-else}"}]
    assert read(tmp_path, {}).by_kind["channels"] == [{"a": "else"}]
