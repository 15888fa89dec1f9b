"""Every alert fires while there is something to be woken for, and at no other minute of a half hour that has it all."""

import json
from datetime import timedelta
from pathlib import Path

import mall_account as mall
import msgspec
import pytest
from aggregations import Evaluator
from clickhouse import ClickHouse
from mall_telemetry import START, START_US, Traces, minutes, samples

ROOT = Path(__file__).parents[2]
RULES = {path.stem: json.loads(path.read_text()) for path in (ROOT / "signoz" / "rules").glob("*.json")}
COMPARISONS = {"above": float.__gt__, "below": float.__lt__, "equal": float.__eq__}
START_MS = int(START.timestamp() * 1000)
NOBODY_SENDS = {"disk": "the profile that watches hosts is off"}
"""Rules without figures here, each with the reason."""
OUTAGE = range(7, 11)
EXPECTED = {
    "clock-stepped": {"warning": range(21, 26)},
    "console-sees-nothing": {"warning": range(8, 14)},
    "dead-letters": {"warning": range(12, mall.MINUTES + 1)},
    "dead-letters-wait": {"warning": range(30, 32)},
    # One direction is behind for three minutes, which is enough, the other for two.
    "gate-behind": {"warning": range(6, 9)},
    "http-refused": {"warning": range(11, 16)},
    "log-refused": {"critical": range(22, 28)},
    "outbox-age": {"warning": OUTAGE},
    # What is late counts, written or not, and for ten minutes; so do the exits of the pause.
    "p99-over-budget": {"warning": range(7, 24)},
    "rabbitmq-node-away": {"warning": range(19, 23)},
    "redis-unsafe": {"critical": range(17, 20)},
    "replicas-missing": {"critical": range(23, 26)},
    "service-access": {"warning": range(25, 27)},
    "silent-entry-camera": {"critical": range(26, 28)},
    "silent-exit-camera": {"critical": range(26, 28)},
    "wrong-credentials": {"warning": range(24, 29)},
}
"""When an alert fires, by the minute whose end it is looked at."""


@pytest.fixture(scope="module")
def recorded():
    return samples(), Traces().run()


@pytest.fixture(scope="module")
def evaluator(recorded):
    return Evaluator(*recorded, START_US)


@pytest.fixture(scope="module")
def house(recorded, tmp_path_factory):
    made = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    made.insert(recorded[1])
    made.insert_points((one.metric, START_MS + int(one.at * 1000), one.value) for one in recorded[0] if not one.labels)
    yield made
    made.close()


def lines(rule, evaluator, house, begin, end):
    """Return what the query of *rule* has from *begin* to *end*, seconds."""
    condition = rule["condition"]
    queries = condition["compositeQuery"]["queries"]
    if condition["compositeQuery"]["queryType"] == "clickhouse_sql":
        asked = START + timedelta(seconds=begin), START + timedelta(seconds=end - 1)
        return [[row["value"] for row in house.ask(queries[0]["spec"]["query"], *asked)]]
    found = evaluator.ask(queries, condition["selectedQueryName"])
    return [[value for at, value in points.items() if begin <= at < end] for points in found.values()]


def crosses(threshold, values, condition):
    """Return whether *values* cross *threshold*, as the ruler of SigNoz matches them."""
    target, holds = float(threshold["target"]), COMPARISONS[threshold["op"]]
    if not values or (condition.get("requireMinPoints") and len(values) < condition["requiredNumPoints"]):
        return False
    match threshold["matchType"]:
        case "all_the_times":
            return all(holds(float(value), target) for value in values)
        case "on_average":
            return holds(sum(values) / len(values), target)
        case "in_total":
            return holds(float(sum(values)), target)
        case "last":
            return holds(float(values[-1]), target)


def firing(name, evaluator, house):
    """Return the severities of the rule, each with the minutes at whose end it fires."""
    rule = RULES[name]
    window = int(rule["evaluation"]["spec"]["evalWindow"].partition("m")[0]) * 60
    found = {}
    for _, end in minutes():
        drawn = lines(rule, evaluator, house, max(0, end - window), end)
        for threshold in rule["condition"]["thresholds"]["spec"]:
            if any(crosses(threshold, values, rule["condition"]) for values in drawn):
                found.setdefault(threshold["name"], []).append(end // 60)
    return found


@pytest.mark.parametrize("name", sorted(RULES.keys() - NOBODY_SENDS.keys()))
def test_an_alert_fires_while_there_is_something_to_be_woken_for(name, evaluator, house):
    assert firing(name, evaluator, house) == {
        severity: list(within) for severity, within in EXPECTED.get(name, {}).items()
    }


def test_every_rule_has_figures_here_or_is_named(evaluator, house):
    empty = {name for name, rule in RULES.items() if not any(lines(rule, evaluator, house, 0, mall.SECONDS))}
    assert empty - {"summary-file-fsync"} == NOBODY_SENDS.keys()


def test_an_outage_is_told_in_the_second_minute_and_for_as_long_as_it_lasts(evaluator, house):
    first = mall.AWAY.start // 60 + 1
    for name in ("outbox-age", "p99-over-budget"):
        fires = firing(name, evaluator, house)["warning"]
        assert fires[0] <= first + 1
        assert set(range(first + 1, mall.AWAY.stop // 60 + 1)) <= set(fires)


def test_the_budget_is_that_of_what_was_written_and_of_what_was_not(house):
    sql = RULES["p99-over-budget"]["condition"]["compositeQuery"]["queries"][0]["spec"]["query"]
    for begin, end in minutes():
        asked = START + timedelta(seconds=begin), START + timedelta(seconds=end - 1)
        (row,) = house.ask(sql, *asked)
        late = [one.e2e_ms for one in mall.EXITS if not one.held and begin <= one.written - 0.001 < end]
        oldest = max(mall.oldest_seconds(t) for t in range(begin, end)) * 1000
        assert row["value"] <= max([oldest, *late]) + 1
        assert row["value"] >= max(oldest - 10_000, sorted(late)[len(late) // 2] if late else 0)


def test_a_write_that_failed_wakes_somebody(recorded, house):
    written = next(span for span in recorded[1] if span.name == "write")
    failed = msgspec.structs.replace(written, status="ERROR")
    assert firing("summary-file-fsync", Evaluator([], [failed], START_US), house)["critical"][0] == 1
