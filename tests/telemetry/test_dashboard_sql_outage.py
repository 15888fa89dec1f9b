"""The SQL of the dashboards over an outage, a pause and a gap without cars; and the function behind percentiles."""

import json
import math
import random
from datetime import timedelta
from pathlib import Path

import mall_account as mall
import pytest
from aggregations import bucket_quantile, quantile
from clickhouse import ClickHouse
from mall_telemetry import START, START_US, Traces, minute, minutes

ROOT = Path(__file__).parents[2]
FUNCTIONS = ROOT / "deploy" / "compose" / "clickhouse" / "functions.sql"
BOARD = json.loads((ROOT / "signoz" / "dashboards" / "camera-to-disk.json").read_text())
STAGES = ("publish", "queue", "record", "project", "outbox", "deliver")
LEVELS = {"p50": 0.5, "p95": 0.95, "p99": 0.99}


@pytest.fixture(scope="module")
def spans():
    return Traces().run()


@pytest.fixture(scope="module")
def house(spans, tmp_path_factory):
    made = ClickHouse(tmp_path_factory.mktemp("clickhouse"))
    made.insert(spans)
    made.run(FUNCTIONS.read_text(encoding="utf-8"))
    yield made
    made.close()


def rows_of(house, title):
    (panel,) = [one["spec"] for one in BOARD["spec"]["panels"].values() if one["spec"]["display"]["name"] == title]
    sql = panel["queries"][0]["spec"]["plugin"]["spec"]["query"]
    return house.ask(sql, START, START + timedelta(seconds=mall.SECONDS))


def drawn(rows):
    """Return the figures by line and second."""
    begin = START.strftime("%Y-%m-%d %H:")
    seconds = {f"{begin}{number:02}:00": at for number, (at, _) in enumerate(minutes())}
    return {(row["quantile"], seconds[row["ts"]]): row["value"] for row in rows}


def per_minute(samples):
    found = {}
    for at, value in samples:
        found.setdefault(at, []).append(value)
    return {(name, at): quantile(values, level) for at, values in found.items() for name, level in LEVELS.items()}


def test_end_to_end_is_that_of_what_arrived_and_has_a_gap_where_nothing_did(spans, house):
    written = [span for span in spans if span.name == "write" and not span.attributes["parking.pending"]]
    wanted = per_minute((minute(span), span.attributes["parking.e2e.duration_ms"]) for span in written)
    found = drawn(rows_of(house, "End to end"))
    assert found == pytest.approx(wanted)
    assert not [at for _, at in found if at in {420, 480} or mall.GAP.start < at < mall.GAP.stop]


def test_the_wait_in_the_queues_shows_the_pause_and_nothing_else(house):
    found = drawn(rows_of(house, "Wait in the work queues"))
    waited = {at for (name, at), value in found.items() if name == "p99" and value > 1_000}
    assert waited == {mall.PAUSED.start // 60 * 60}
    assert found["p99", waited.pop()] == pytest.approx(19_000, rel=0.05)


def test_no_stage_of_the_slowest_exits_takes_longer_than_all_of_it(house):
    rows = rows_of(house, "Where their time went, ms")
    slowest = sorted((one for one in mall.EXITS if not one.held), key=lambda one: -one.e2e_ms)[:20]
    assert [row["visit"] for row in rows] == [f"visit-{one.at}" for one in slowest]
    for row, one in zip(rows, slowest, strict=True):
        assert row["total"] == pytest.approx(one.e2e_ms)
        assert sum(row[stage] for stage in STAGES) <= row["total"] + 5
        assert row["slowest stage"] == "deliver"
        assert row["deliver"] == pytest.approx(row["total"] - row["outbox"], abs=100)


def test_what_names_the_culprit_is_in_the_first_columns(house):
    columns = list(rows_of(house, "Where their time went, ms")[0])
    assert columns[:8] == ["slowest stage", "total", "queue", "record", "project", "outbox", "deliver", "of it: write"]
    assert columns[-1] == "trace"


def test_a_replay_of_the_tools_is_none_of_the_exits(spans, house):
    (replayed,) = {span.trace_id for span in spans if span.name == "replay"}
    assert replayed not in {row["trace"] for row in rows_of(house, "Where their time went, ms")}
    assert min(span.start_us for span in spans) + 1 > START_US


HISTOGRAMS = random.Random(7)


def histogram():
    """Return some bounds and cumulative counts, as the buckets of several processes may be."""
    bounds = [float(bound) for bound in HISTOGRAMS.sample(range(-2, 50), HISTOGRAMS.randint(1, 7))]
    if HISTOGRAMS.random() < 0.9:
        bounds[-1] = math.inf
    return dict.fromkeys(bounds, 0.0) | {bound: float(HISTOGRAMS.randint(0, 30)) for bound in bounds}


def test_the_function_behind_percentiles_is_the_one_of_prometheus(house):
    cases = [(histogram(), HISTOGRAMS.choice([0.01, 0.5, 0.95, 0.99])) for _ in range(200)]
    for totals, level in cases:
        bounds = [f"'{'+Inf' if bound == math.inf else bound}'" for bound in totals]
        listed = ", ".join(f"({bound}, {total})" for bound, total in zip(bounds, totals.values(), strict=True))
        called = "histogramQuantile(arrayMap(x -> toFloat64(x), groupArray(le)), groupArray(value), "
        sql = f"SELECT {called}{level:.3f}) FROM (SELECT arrayJoin([{listed}]) AS one, one.1 AS le, one.2 AS value)"
        assert float(house.run(sql)) == pytest.approx(bucket_quantile(level, totals), nan_ok=True), (totals, level)
