"""The SigNoz of our tests refuses what a real one refuses, and gives back what a real one gives back."""

import json
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from fake_signoz import EMAIL, PASSWORD, FakeSigNoz
from signoz_previews import NOT_STANDALONE

FILES = Path(__file__).parents[2] / "signoz"
FIELD = {"name": "some.duration", "fieldContext": "attribute", "fieldDataType": "float64", "signal": "traces"}
QUERY = {"name": "A", "signal": "traces", "aggregations": [{"expression": "count()"}]}
LISTED = {"name": "A", "signal": "traces", "selectFields": [FIELD]}
CHANNEL = {"name": "pager", "webhook_configs": [{"url": "http://pager"}]}


@pytest.fixture
def signoz():
    with FakeSigNoz(admin_after=0) as fake:
        yield fake


def answer(signoz, method, path, body=None, token="token"):
    """Return the status, the content type, and the body of the answer."""
    headers = {"Authorization": f"Bearer {token}"}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{signoz.url}{path}", content, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as found:
            return found.status, found.headers.get_content_type(), found.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers.get_content_type(), error.read().decode()


def status(signoz, method, path, body=None):
    return answer(signoz, method, path, body)[0]


def data(signoz, method, path, body=None):
    code, _, text = answer(signoz, method, path, body)
    assert code in {200, 201}, text
    return json.loads(text)["data"]


def board(plugin="TimeSeries", looks=None, query=QUERY, kind="time_series", **more):
    """Return a dashboard of one panel."""
    panel = {
        "display": {"name": "One"},
        "plugin": {"kind": f"signoz/{plugin}Panel", "spec": looks or {}},
        "queries": [{"kind": kind, "spec": {"plugin": {"kind": "signoz/BuilderQuery", "spec": query}}}],
    }
    spec = {"display": {"name": "Board"}, "variables": [], "panels": {}, "layouts": []}
    spec["panels"] = {"p": {"kind": "Panel", "spec": panel}}
    return {"schemaVersion": "v6", "name": "board", "spec": spec, **more}


def view(**more):
    spec = {"displayName": "View", "panelType": "list", "requestType": "raw", "queries": [], **more}
    return {"name": "view", "source": "traces", "schemaVersion": "v2", "spec": spec}


def rule(**more):
    return json.loads((FILES / "rules" / "dead-letters.json").read_text()) | more


@pytest.mark.parametrize("word", ["above", "below", "above_or_equal", "below_or_equal", "equal", "not_equal"])
def test_a_threshold_of_a_number_compares_by_word(signoz, word):
    looks = {"thresholds": [{"value": 1, "color": "#fff", "operator": word}]}
    assert status(signoz, "POST", "/api/v2/dashboards", board("Number", looks, kind="scalar")) == 201


@pytest.mark.parametrize("sign", [">", "<", ">=", "<=", "=", "!="])
def test_a_threshold_of_a_number_compares_by_no_sign(signoz, sign):
    looks = {"thresholds": [{"value": 1, "color": "#fff", "operator": sign}]}
    code, _, text = answer(signoz, "POST", "/api/v2/dashboards", board("Number", looks, kind="scalar"))
    assert (code, "dashboard_invalid_input" in text) == (400, True)


LOOKS = [
    ("BarChart", {"visualization": {"stackedBarChart": True}, "axes": {"softMin": 0}}, 201),
    ("TimeSeries", {"visualization": {"stackedBarChart": True}}, 400),
    ("TimeSeries", {"chartAppearance": {"lineInterpolation": "linear"}}, 201),
    ("TimeSeries", {"chartAppearance": {"lineInterpolation": "straight"}}, 400),
    ("BarChart", {"chartAppearance": {"lineInterpolation": "linear"}}, 400),
    ("TimeSeries", {"chartAppearance": {"spanGaps": {"fillOnlyBelow": True, "fillLessThan": "120s"}}}, 201),
    ("TimeSeries", {"chartAppearance": {"spanGaps": {"fillOnlyBelow": True}}}, 400),
    ("TimeSeries", {"chartAppearance": {"spanGaps": {"fillOnlyBelow": True, "fillLessThan": "120"}}}, 400),
    ("Number", {"visualization": {"timePreference": "last_5_min"}}, 201),
    ("Number", {"visualization": {"timePreference": "last 5 min"}}, 400),
    ("TimeSeries", {"legend": {"position": "right", "customColors": {"p50": "#fff"}}}, 201),
    ("TimeSeries", {"legend": {"position": "left"}}, 400),
    ("Number", {"formatting": {"unit": "none", "decimalPrecision": "0"}}, 201),
    ("Number", {"formatting": {"unit": "none", "decimals": 0}}, 400),
]


@pytest.mark.parametrize(("plugin", "looks", "expected"), LOOKS)
def test_a_panel_looks_as_signoz_can_draw_it(signoz, plugin, looks, expected):
    assert status(signoz, "POST", "/api/v2/dashboards", board(plugin, looks)) == expected


@pytest.mark.parametrize("asked", ["float64", "float", "int"])
def test_a_number_is_kept_as_number_whatever_it_was_called(signoz, asked):
    query = LISTED | {"selectFields": [FIELD | {"fieldDataType": asked}]}
    made = data(signoz, "POST", "/api/v2/dashboards", board("List", {}, query, "raw"))
    kept = data(signoz, "GET", f"/api/v2/dashboards/{made['id']}")
    plugin = kept["spec"]["panels"]["p"]["spec"]["queries"][0]["spec"]["plugin"]
    assert plugin["spec"]["selectFields"][0]["fieldDataType"] == "number"


@pytest.mark.parametrize(
    "body",
    [
        board(id="mine"),
        board(generateName=True),
        board(schemaVersion="v5"),
        board(name="Not a label"),
        board() | {"spec": board()["spec"] | {"layouts": None}},
        {key: value for key, value in board().items() if key != "spec"},
    ],
)
def test_a_dashboard_has_what_it_needs_and_nothing_else(signoz, body):
    assert status(signoz, "POST", "/api/v2/dashboards", body) == 400


def test_a_dashboard_has_one_name_for_ever(signoz):
    made = data(signoz, "POST", "/api/v2/dashboards", board())
    assert status(signoz, "POST", "/api/v2/dashboards", board()) == 409
    assert status(signoz, "PUT", f"/api/v2/dashboards/{made['id']}", board(name="another")) == 400
    assert status(signoz, "PUT", f"/api/v2/dashboards/{made['id']}", board()) == 200
    signoz.dashboards[made["id"]]["locked"] = True
    assert status(signoz, "PUT", f"/api/v2/dashboards/{made['id']}", board()) == 400


def test_a_view_needs_its_request_type(signoz):
    wanting = view()
    del wanting["spec"]["requestType"]
    code, _, text = answer(signoz, "POST", "/api/v2/saved_views", wanting)
    assert (code, "saved_view_invalid_input" in text) == (400, True)
    made = data(signoz, "POST", "/api/v2/saved_views", view())
    assert status(signoz, "POST", "/api/v2/saved_views", view()) == 409
    path = f"/api/v2/saved_views/{made['id']}"
    assert status(signoz, "PUT", path, view()) == 400
    assert status(signoz, "PUT", path, {key: value for key, value in view().items() if key != "name"}) == 204


@pytest.mark.parametrize("missing", ["evaluation", "notificationSettings", "condition"])
def test_a_rule_needs_its_parts_and_a_channel_that_exists(signoz, missing):
    assert status(signoz, "POST", "/api/v2/rules", rule()) == 400
    channel = json.loads((FILES / "channels" / "on-call.json").read_text())
    assert status(signoz, "POST", "/api/v1/channels", channel) == 201
    assert status(signoz, "POST", "/api/v2/rules", rule(unknown="is ignored")) == 201
    assert status(signoz, "POST", "/api/v2/rules", rule()) == 201
    assert status(signoz, "POST", "/api/v2/rules", rule(**{missing: None})) == 400


def test_a_rule_of_missing_data_fires_at_once_when_its_metric_was_never_received(signoz):
    data(signoz, "POST", "/api/v1/channels", json.loads((FILES / "channels" / "on-call.json").read_text()))
    absent = rule()
    absent["condition"] |= {"alertOnAbsent": True, "absentFor": 10}
    data(signoz, "POST", "/api/v2/rules", absent)
    assert signoz.fired_at_once == []
    signoz.never_received = {"rabbitmq_detailed_queue_messages_ready"}
    data(signoz, "POST", "/api/v2/rules", rule())
    assert signoz.fired_at_once == []
    data(signoz, "POST", "/api/v2/rules", absent)
    assert signoz.fired_at_once == [absent["alert"]]


def test_a_channel_is_given_back_as_a_string_and_has_a_name_of_its_own(signoz):
    data(signoz, "POST", "/api/v1/channels", CHANNEL)
    code, _, text = answer(signoz, "POST", "/api/v1/channels", CHANNEL)
    assert (code, "alertmanager_config_conflict" in text) == (400, True)
    (listed,) = data(signoz, "GET", "/api/v1/channels")
    assert json.loads(listed["data"])["webhook_configs"] == CHANNEL["webhook_configs"]


def queries(*envelopes, **more):
    return {"start": 1, "end": 2, "requestType": "time_series", "compositeQuery": {"queries": envelopes}, **more}


def counted(metric):
    spec = {"name": "A", "signal": "metrics", "aggregations": [{"metricName": metric, "spaceAggregation": "max"}]}
    return {"type": "builder_query", "spec": spec}


FORMULA = {"type": "builder_formula", "spec": {"name": "F1", "expression": "A * 2"}}
SQL = {"type": "clickhouse_sql", "spec": {"name": "A", "query": "SELEKT 1"}}
PROMQL = {"type": "promql", "spec": {"name": "A", "query": "rate("}}


def previewed(signoz, *envelopes):
    return data(signoz, "POST", "/api/v5/query_range/preview", queries(*envelopes))["compositeQuery"]


def test_a_preview_says_what_it_thinks_of_each_query(signoz):
    assert previewed(signoz, counted("some.metric"))["A"]["warnings"] == []
    assert previewed(signoz, counted("some.metric"), FORMULA)["F1"]["warnings"] == [NOT_STANDALONE]
    assert not previewed(signoz, FORMULA)["F1"]["valid"]
    assert not previewed(signoz, SQL)["A"]["valid"]
    assert previewed(signoz, PROMQL)["A"]["valid"]
    assert previewed(signoz, PROMQL)["A"]["warnings"]
    broken = {"type": "builder_query", "spec": QUERY | {"filter": {"expression": "name ="}}}
    assert status(signoz, "POST", "/api/v5/query_range/preview", queries(broken)) == 400


def test_what_was_not_received_is_warned_of_and_has_no_series(signoz):
    def series():
        (result,) = data(signoz, "POST", "/api/v5/query_range", queries(counted("some.metric")))["data"]["results"]
        return result["aggregations"][0]["series"]

    assert len(series()) == 1
    for kept, says in ((signoz.never_received, "has never been received"), (signoz.dormant, "no data found for")):
        kept.add("some.metric")
        assert says in previewed(signoz, counted("some.metric"))["A"]["warnings"][0]
        assert series() == []
        kept.clear()


def test_a_funnel_has_a_name_of_its_own_and_two_steps(signoz):
    body = {"funnel_name": "funnel", "timestamp": time.time_ns() // 1_000_000}
    made = data(signoz, "POST", "/api/v1/trace-funnels/new", body)
    assert status(signoz, "POST", "/api/v1/trace-funnels/new", body) == 400
    step = {"step_order": 1, "service_name": "s", "span_name": "n", "latency_pointer": "start", "has_errors": False}
    steps = {"funnel_id": made["funnel_id"], "timestamp": body["timestamp"], "steps": [step]}
    assert status(signoz, "PUT", "/api/v1/trace-funnels/steps/update", steps) == 400
    steps["steps"] = [step, step]
    assert status(signoz, "PUT", "/api/v1/trace-funnels/steps/update", steps) == 200


def test_the_second_api_keeps_the_retention_of_logs_only(signoz):
    assert status(signoz, "POST", "/api/v2/settings/ttl", {"type": "traces", "defaultTTLDays": 7}) == 400
    assert status(signoz, "POST", "/api/v2/settings/ttl", {"type": "logs", "defaultTTLDays": 7}) == 200
    assert status(signoz, "POST", "/api/v1/settings/ttl?type=logs&duration=24h") == 400
    assert status(signoz, "POST", "/api/v1/settings/ttl?type=traces&duration=24h") == 200


def test_a_path_that_is_not_known_is_answered_with_the_page(signoz):
    code, kind, text = answer(signoz, "GET", "/api/v9/dashboards")
    assert (code, kind) == (200, "text/html")
    assert text.startswith("<!doctype html>")


def test_nobody_gets_in_without_a_token(signoz):
    assert answer(signoz, "GET", "/api/v2/dashboards", token="none")[0] == 401
    wrong = {"email": EMAIL, "password": f"{PASSWORD}!", "orgId": "org-1"}
    assert status(signoz, "POST", "/api/v2/sessions/email_password", wrong) == 401
    assert data(signoz, "POST", "/api/v2/sessions/email_password", wrong | {"password": PASSWORD})["accessToken"]
