"""The JSON below signoz/ is what the definitions say, and asks only for what somebody tells."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from parkstream_definitions import foreign
from parkstream_definitions.figures import increase, latest, percentile
from parkstream_definitions.rules import CHANNEL
from parkstream_definitions.writing import differing, documents, write
from parkstream_events import topology
from parkstream_telemetry import names
from parkstream_telemetry.kinds import Attribute, Metric, Span
from signoz_shapes import Dashboard, View, problem_of

ROOT = Path(__file__).parents[2]
DOCUMENTS = documents()
METRICS = {one.name: one for one in [*vars(names).values(), *foreign.ALL] if isinstance(one, Metric)}
ATTRIBUTES = {one.name for one in vars(names).values() if isinstance(one, Attribute)}
SPANS = [one for one in vars(names).values() if isinstance(one, Span)]
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
            metric = METRICS[name.removesuffix(".bucket")] if name else None
            assert metric is None or (metric.kind == "histogram") == name.endswith(".bucket"), name


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
    heading = rule["annotations"]["runbook"].removeprefix("docs/runbook.md#")
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


def test_names_are_unique():
    for kind, key in (("dashboards", "name"), ("rules", "alert"), ("views", "name"), ("funnels", "funnel_name")):
        keys = [body[key] for path, body in DOCUMENTS.items() if path.startswith(f"{kind}/")]
        assert len(keys) == len(set(keys)) > 0


def test_no_dashboard_variable_replaces_part_of_a_query():
    for board in DASHBOARDS.values():
        assert board["spec"]["variables"] == []
        assert "$" not in json.dumps(board["spec"]["panels"])
