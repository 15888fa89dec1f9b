"""The JSON below signoz/ is what the definitions say, and asks only for what somebody tells."""

import json
import re
from itertools import chain
from pathlib import Path

import msgspec
import pytest
from parkstream_definitions import foreign
from parkstream_definitions.documents import differing, documents, write
from parkstream_definitions.figures import increase, latest, percentile, rate_of_part
from parkstream_definitions.rules import CHANNEL, RUNBOOK
from parkstream_events import topology
from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute, Metric, Span
from signoz_shapes import Dashboard, View, problem_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = documents()
METRICS = {one.name: one for one in [*vars(names).values(), *foreign.ALL] if isinstance(one, Metric)}
ATTRIBUTES = {one.name for one in vars(names).values() if isinstance(one, Attribute)}
SPANS = [one for one in vars(names).values() if isinstance(one, Span)]
PART = r"\.(bucket|sum|count)$"
SIGNOZ_OWN = {"name", "has_error", "service.name", "duration_nano", "timestamp", "kind", "trace_id"}
DASHBOARDS = {path: body for path, body in DOCUMENTS.items() if path.startswith("dashboards/")}
RULES = {path: body for path, body in DOCUMENTS.items() if path.startswith("rules/")}
SQL = {path.stem: path.read_text() for path in ROOT.glob("signoz/definitions/src/*/sql/*.sql")}


def found(node, key):
    """Return all values of *key* anywhere below *node*."""
    if isinstance(node, dict):
        return [value for name, value in node.items() if name == key] + [
            one for value in node.values() for one in found(value, key)
        ]
    return [one for value in node for one in found(value, key)] if isinstance(node, list) else []


def test_the_files_are_what_the_definitions_say(tmp_path):
    assert differing(ROOT / "signoz") == [], "run: python -m parkstream_definitions signoz"
    write(tmp_path)
    assert differing(tmp_path) == []
    (tmp_path / "rules" / "nobodys.json").write_text("{}")
    (tmp_path / "views" / "replays.json").unlink()
    assert differing(tmp_path) == ["rules/nobodys.json", "views/replays.json"]


@pytest.mark.parametrize("path", DASHBOARDS)
def test_signoz_takes_every_dashboard_and_draws_every_panel(path):
    board = msgspec.convert(DASHBOARDS[path], Dashboard)
    assert problem_of(board) == ""
    drawn = [item.content.ref.rpartition("/")[2] for grid in board.spec.layouts for item in grid.spec.items]
    assert sorted(drawn) == sorted(board.spec.panels)
    for panel in board.spec.panels.values():
        assert panel.spec.display.description.endswith(".")


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if path.startswith("views/")])
def test_signoz_takes_every_view(path):
    msgspec.convert(DOCUMENTS[path], View)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_metric_that_is_asked_for_is_told_by_somebody_and_of_that_kind(path):
    for aggregation in found(DOCUMENTS[path], "aggregations"):
        for one in aggregation:
            name = one.get("metricName", "")
            metric = METRICS[re.sub(PART, "", name)] if name else None
            assert metric is None or (metric.kind == "histogram") == bool(re.search(PART, name)), name


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_key_that_is_asked_for_is_listed(path):
    listed = ATTRIBUTES | SIGNOZ_OWN | {label.name for one in foreign.ALL for label in one.attributes}
    expressions = [one["expression"] for one in found(DOCUMENTS[path], "filter")]
    keys = {key for one in expressions for key in re.findall(r"([a-z0-9_.]+)\s*(?:!=|=|>|<|LIKE|IN)\s", one)}
    keys |= {key["name"] for keys in found(DOCUMENTS[path], "groupBy") if keys for key in keys if isinstance(key, dict)}
    keys |= {
        key["name"]
        for kind in ("selectFields", "selectedFields")
        for keys in found(DOCUMENTS[path], kind)
        for key in keys
    }
    keys |= {key for one in found(DOCUMENTS[path], "expression") for key in re.findall(r"\(([a-z0-9_.]+)\)", one)}
    assert keys - listed == set()


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_span_that_is_asked_for_is_listed(path):
    expressions = [one["expression"] for one in found(DOCUMENTS[path], "filter")]
    wanted = {name for one in expressions for name in re.findall(r"(?<![.\w])name = '([^']+)'", one)}
    wanted |= set(found(DOCUMENTS[path], "span_name"))
    assert [name for name in wanted if not any(span.names(name) for span in SPANS)] == []


@pytest.mark.parametrize("name", SQL)
def test_sql_asks_only_for_listed_spans_and_attributes(name):
    text = SQL[name]
    keys = set(re.findall(r"attributes_\w+\[?'?, ?'?([a-z0-9_.]+)'|attributes_\w+\['([^']+)'\]", text))
    assert {key for pair in keys for key in pair if key} <= ATTRIBUTES
    spans = set(re.findall(r"(?<![.\w])name = '([^']+)'", text)) | set(re.findall(r"'(process [^']+)'", text))
    assert spans
    assert [span for span in spans if not any(one.names(span) for one in SPANS)] == []


@pytest.mark.parametrize("name", ["queue_wait", "slowest"])
def test_sql_names_the_queues_as_rabbitmq_knows_them(name):
    exchange = topology.EVENTS_EXCHANGE
    wanted = {f"process {exchange}:{key}:{queue}" for queue, key in topology.WORK_QUEUES.items()}
    assert set(re.findall(r"'(process [^']+)'", SQL[name])) == wanted


@pytest.mark.parametrize("path", RULES)
def test_an_alert_says_what_to_do_and_reaches_somebody(path):
    rule = RULES[path]
    heading = rule["annotations"]["runbook"].removeprefix(f"{RUNBOOK}#")
    runbook = (ROOT / "docs" / "runbook.md").read_text()
    headings = {line[3:].lower().replace(" ", "-") for line in runbook.splitlines() if line.startswith("## ")}
    assert heading in headings
    assert rule["alert"].removeprefix("Parkstream: ") in (ROOT / "docs" / "observability.md").read_text()
    for threshold in rule["condition"]["thresholds"]["spec"]:
        assert threshold["channels"] == [CHANNEL]
    assert DOCUMENTS["channels/on-call.json"]["name"] == CHANNEL


def test_a_metric_is_asked_for_as_what_it_is():
    with pytest.raises(TypeError, match="is a histogram, no gauge"):
        latest(names.DWELL)
    with pytest.raises(TypeError, match="is a gauge, no counter"):
        increase(names.LOG_POSITION)
    with pytest.raises(TypeError, match="is a counter, no histogram"):
        percentile(names.VISITS, "p99")
    with pytest.raises(TypeError, match="is a counter, no histogram"):
        rate_of_part(names.VISITS, "sum")


def test_the_names_that_check_knows_are_those_that_are_listed():
    known = DOCUMENTS["names.json"]
    assert known["metrics"] == {name: metric.kind for name, metric in sorted(METRICS.items())}
    assert set(known["keys"]) >= ATTRIBUTES | SIGNOZ_OWN
    assert set(known["keys"]) == ATTRIBUTES | SIGNOZ_OWN | {one.name for of in foreign.ALL for one in of.attributes}


def test_names_are_unique():
    for kind, key in (("dashboards", "name"), ("rules", "alert"), ("views", "name"), ("funnels", "funnel_name")):
        keys = [body[key] for path, body in DOCUMENTS.items() if path.startswith(f"{kind}/")]
        assert len(keys) == len(set(keys)) > 0


def test_no_dashboard_variable_replaces_part_of_a_query():
    for board in DASHBOARDS.values():
        assert board["spec"]["variables"] == []
        assert "$" not in json.dumps(board["spec"]["panels"])


def panels(kind):
    """Return the panels that are drawn as *kind*, by title."""
    every = [panel["spec"] for board in DASHBOARDS.values() for panel in board["spec"]["panels"].values()]
    return {one["display"]["name"]: one for one in every if one["plugin"]["kind"] == f"signoz/{kind}Panel"}


def looks(kind):
    return [one["plugin"]["spec"] for one in panels(kind).values()]


def test_bars_are_stacked_and_charts_begin_at_zero():
    assert all(one["visualization"] == {"stackedBarChart": True} for one in looks("BarChart"))
    assert all(one["axes"] == {"softMin": 0} for one in looks("BarChart") + looks("TimeSeries"))


def test_a_gap_is_drawn_as_a_gap():
    for one in looks("TimeSeries"):
        gaps = {"fillOnlyBelow": True, "fillLessThan": "120s"}
        assert one["chartAppearance"] == {"lineInterpolation": "linear", "spanGaps": gaps}


def test_a_figure_is_that_of_the_last_minutes():
    assert all(one["visualization"] == {"timePreference": "last_5_min"} for one in looks("Number"))
    assert "p99 of the last 5 minutes" in panels("Number")
    assert not [title for title in panels("Number") if "now" in title.lower()]
    assert all(len(one["thresholds"]) <= 1 for one in looks("Number"))


def test_only_one_label_of_a_panels_lines_is_drawn():
    for one in looks("TimeSeries") + looks("BarChart"):
        assert [bool(line["label"]) for line in one["thresholds"]] in ([], [True], [True, False])


def test_what_is_counted_has_no_decimals_and_no_thousands():
    for one in looks("TimeSeries") + looks("BarChart") + looks("Number"):
        assert one["formatting"]["unit"] != "short"
        assert one["formatting"]["unit"] != "none" or one["formatting"]["decimalPrecision"] in {"0", "2"}
    assert panels("Number")["Cars inside"]["plugin"]["spec"]["formatting"] == {"unit": "none", "decimalPrecision": "0"}


def test_lines_of_one_panel_have_colors_of_their_own():
    for title, one in (panels("TimeSeries") | panels("BarChart")).items():
        colors = one["plugin"]["spec"]["legend"]["customColors"]
        assert len(set(colors.values())) == len(colors), title
        assert one["plugin"]["spec"]["legend"]["position"] == "right"
        queries = found(one["queries"], "queries")
        drawn = {query["spec"]["legend"] for query in chain(*queries) if not query["spec"].get("disabled")}
        assert len(drawn) < 2 or drawn <= colors.keys(), title


DEPTHS = {
    names.OUTBOX_DEPTH,
    names.OUTBOX_AGE,
    names.OUTBOX_PARKED,
    names.PROJECTION_LAG,
    names.PAUSED,
    names.UNSAFE,
    names.REPLICAS_MISSING,
    names.ACCESS_PROBLEM,
    names.DELIVERY_FAILING,
    names.VISITS_PENDING,
    foreign.QUEUE_READY,
    foreign.QUEUE_UNACKED,
}


@pytest.mark.parametrize("path", [*DASHBOARDS, *RULES])
def test_what_may_last_less_than_a_minute_is_asked_for_by_its_peak(path):
    for one in chain(*found(DOCUMENTS[path], "aggregations")):
        if one.get("metricName") in {depth.name for depth in DEPTHS}:
            assert (one["timeAggregation"], one["spaceAggregation"]) == ("max", "max")


@pytest.mark.parametrize("path", DASHBOARDS)
def test_what_tools_do_is_none_of_the_pipelines_steps(path):
    for query in found(DASHBOARDS[path], "plugin"):
        spec = query["spec"]
        if spec.get("signal") == "traces":
            where = spec["filter"]["expression"]
            assert "name = 'write'" in where or "service.name IN ('parkstream-" in where
            assert "cli" not in where


@pytest.mark.parametrize("path", RULES)
def test_the_severity_of_an_alert_is_that_of_the_threshold_it_crossed(path):
    rule = RULES[path]
    absent = rule["condition"].get("alertOnAbsent", False)
    assert ("severity" in rule["labels"]) == absent
    assert {one["name"] for one in rule["condition"]["thresholds"]["spec"]} <= {"critical", "warning"}
    assert ("{{$value}}" in rule["annotations"]["summary"]) != absent


@pytest.mark.parametrize("path", RULES)
def test_a_rule_of_every_minute_needs_nearly_all_of_them(path):
    condition = RULES[path]["condition"]
    minutes = int(RULES[path]["evaluation"]["spec"]["evalWindow"].partition("m")[0])
    if condition["thresholds"]["spec"][0]["matchType"] == "all_the_times":
        assert (condition["requireMinPoints"], condition["requiredNumPoints"]) == (True, minutes - 2)


def test_a_view_promises_no_order_but_that_of_time():
    for path, body in DOCUMENTS.items():
        if path.startswith("views/"):
            (query,) = body["spec"]["queries"]
            assert query["spec"]["order"] == [{"key": {"name": "timestamp"}, "direction": "desc"}]
