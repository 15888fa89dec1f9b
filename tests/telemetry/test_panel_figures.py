"""Every panel shows, and every alert wakes by, what really happened: the figures, over half an hour that has it all."""

import json
import math
from functools import partial
from itertools import pairwise
from pathlib import Path

import mall_account as mall
import pytest
from aggregations import Evaluator, facts, quantile, reduced
from mall_telemetry import (
    COMMIT_SECONDS,
    COMMIT_SIZES,
    SCRAPE_SECONDS,
    START_US,
    STAYS,
    Traces,
    minute,
    minutes,
    samples,
)
from parkstream_events import topology
from parkstream_telemetry import names

ROOT = Path(__file__).parents[2]
E2E = "parking.e2e.duration_ms"
TINY = 1e-9
BOARDS = {path.stem: json.loads(path.read_text()) for path in (ROOT / "signoz" / "dashboards").glob("*.json")}
PANELS = {
    one["spec"]["display"]["name"]: one["spec"] for board in BOARDS.values() for one in board["spec"]["panels"].values()
}
IN_SQL = {"End to end", "Wait in the work queues", "Where their time went, ms"}
"""Panels in SQL: test_dashboard_sql.py and test_dashboard_sql_outage.py run them in ClickHouse."""
LISTS = {"Slowest exits (a click on a row opens its trace)"}
ENTRIES, EXITS, DEAD = topology.ENTRIES_QUEUE, topology.EXITS_QUEUE, topology.DEAD_LETTERS_QUEUE


@pytest.fixture(scope="module")
def spans():
    return Traces().run()


@pytest.fixture(scope="module")
def evaluator(spans):
    return Evaluator(samples(), spans, START_US)


def plugin_of(title):
    return PANELS[title]["queries"][0]["spec"]["plugin"]


def drawn(evaluator, title):
    """Return the lines of a panel by legend, as the evaluator has them."""
    plugin = plugin_of(title)
    if plugin["kind"] == "signoz/BuilderQuery":
        queries = [{"type": "builder_query", "spec": plugin["spec"]}]
    else:
        queries = plugin["spec"]["queries"]
    lines = {}
    for query in queries:
        if not query["spec"].get("disabled"):
            found = evaluator.ask(queries, query["spec"]["name"])
            grouped = bool(query["spec"].get("groupBy"))
            lines |= {group if grouped else query["spec"]["legend"]: points for group, points in found.items()}
    return lines


def windows(function, start, stop):
    """Return the figures of every stretch of a minute that surely holds a point."""
    figures = [function(second) for second in range(start, stop)]
    return [figures[at : at + SCRAPE_SECONDS] for at in range(len(figures) - SCRAPE_SECONDS + 1)]


def peak(function, start, stop):
    """The peak: at least what was there for as long as from one point to the next."""
    found = windows(function, start, stop)
    return max(map(min, found)), max(map(max, found))


def low(function, start, stop):
    found = windows(function, start, stop)
    return min(map(min, found)), min(map(max, found))


def now(function, start, stop):
    found = windows(function, start, stop)[-1]
    return min(found), max(found)


def in_minute(function, start, stop):
    """What was counted, from a point before each end of the minute."""
    late = [function(stop) - function(stop - SCRAPE_SECONDS), function(start) - function(start - SCRAPE_SECONDS)]
    counted = function(stop) - function(start)
    return counted - late[0], counted + late[1]


def per_second(function, start, stop):
    return tuple(value / 60 for value in in_minute(function, start, stop))


def nothing(_):
    return 0


def doubled(function):
    return lambda t: 2 * function(t)


BROKER = doubled(lambda t: mall.entered(t) + mall.refused(t))
FIGURES = {
    "Messages that wait": {
        ENTRIES: (peak, mall.waiting_in_queue),
        EXITS: (peak, mall.waiting_in_queue),
        DEAD: (peak, mall.refused),
    },
    "Messages delivered, not settled": dict.fromkeys((ENTRIES, EXITS), (peak, lambda t: 0 if mall.paused(t) else 1)),
    "Consumers": dict.fromkeys((ENTRIES, EXITS), (low, lambda t: 0 if 1740 <= t < 1755 else 1)),
    "Messages per second": {
        "published": (per_second, BROKER),
        "confirmed": (per_second, BROKER),
        "delivered": (per_second, lambda t: 2 * mall.recorded(t) + mall.refused(t)),
        "recorded": (per_second, doubled(mall.recorded)),
    },
    "Handed out again, or to nobody": {"redelivered": (per_second, nothing), "unroutable": (per_second, nothing)},
    "Refused, by reason": {
        "not_json": (in_minute, lambda t: mall.refused(t, "not_json")),
        "unknown_version": (in_minute, lambda t: mall.refused(t, "unknown_version")),
        "too_large": (in_minute, lambda t: mall.refused(t, "too_large")),
    },
    "Refused at the HTTP ports": {
        "head_size": (in_minute, lambda t: mall.http_refused(t, "head_size")),
        "head_time": (in_minute, lambda t: mall.http_refused(t, "head_time")),
        "malformed": (in_minute, nothing),
        "wrong_credential": (in_minute, lambda t: mall.http_refused(t, "wrong_credential")),
    },
    "Who looks at Now": {"viewers": (peak, lambda t: 2 + t // 300)},
    "Looks that nobody answered": {
        reason: (in_minute, partial(mall.look_failed, reason=reason)) for reason in ("redis", "summary_api")
    },
    "Questions refused": {"refused": (in_minute, mall.questions_refused)},
    "Memory": {"resident": (now, lambda t: 1e8 + t)},
    "Nodes that are away": {"away": (peak, mall.nodes_away)},
    "Free disk": {"free": (low, lambda t: 5e10 - t)},
    "Records ever written": {"position": (now, doubled(mall.recorded))},
    "Recorded per second": {"appended": (per_second, doubled(mall.recorded)), "duplicate": (per_second, nothing)},
    "Records not projected yet": {"lag": (peak, mall.lag)},
    "Replicas in step": {"replicas": (now, lambda t: 2 - mall.replicas_missing(t))},
    "Summaries that wait": {"waiting": (peak, lambda t: len(mall.undelivered(t)))},
    "Answers of the summary API": {"written": (per_second, mall.written)},
    "Redis memory in use": {"share": (peak, lambda t: 0.1 + t / 36_000)},
    "Age of the oldest summary not delivered": {"age": (peak, mall.oldest_seconds)},
    "Summaries on disk": {"written": (per_second, mall.written)},
    "Cars inside over time": {"the log": (now, mall.inside), "the exit camera": (now, mall.inside)},
    "Visits that wait for a sighting": {"pending": (peak, mall.pending)},
    "Sightings per second": {"entered": (per_second, mall.entered), "matched": (per_second, mall.entered)},
    "Sightings per second by gate": {"north": (per_second, mall.entered), "east": (per_second, mall.entered)},
    "Summaries by outcome": {"completed": (in_minute, mall.written)},
    "Exits whose entry was seen": {
        "the log": (low, lambda t: 0.6 if int(t) in mall.GAP[:30] else 0.8),
        "the exit camera": (low, lambda _: 0.8),
    },
    "Decided by the clock": {"silence": (in_minute, lambda t: t // 120)},
    "Sightings that change nothing": {
        reason: (now, partial(mall.ignored, reason)) for reason in ("too_late", "too_many")
    },
}


@pytest.mark.parametrize("title", FIGURES)
def test_a_panel_draws_what_happened_in_each_minute(evaluator, title):
    lines = drawn(evaluator, title)
    assert lines.keys() == FIGURES[title].keys()
    for legend, (measure, function) in FIGURES[title].items():
        points = lines[legend]
        assert points.keys() >= {start for start, _ in minutes()[1:]}
        for at, value in points.items():
            least, most = measure(function, at, at + 60)
            assert least - TINY <= value <= most + TINY, (legend, at)


@pytest.mark.parametrize(
    ("title", "legend", "total"),
    [
        ("Refused, by reason", "not_json", 8),
        ("Refused, by reason", "unknown_version", 4),
        ("Refused, by reason", "too_large", 3),
        ("Decided by the clock", "silence", 16),
    ],
)
def test_a_burst_is_drawn_whole(evaluator, title, legend, total):
    assert sum(drawn(evaluator, title)[legend].values()) == total


NUMBERS = {
    "Oldest summary not delivered": lambda until: max(mall.oldest_seconds(t) for t in range(until - 60, until)),
    "Dead letters that wait": lambda until: mall.refused(until - 1),
    "Refused, no dead letters yet": lambda until: max(mall.stuck(t) for t in range(until - 60, until)),
    "Redis holds another log": lambda until: max(mall.log_refused(t) for t in range(until - 300, until)),
    "Replicas that are missing": lambda until: max(mall.replicas_missing(t) for t in range(until - 300, until)),
    "Redis was unsafe": lambda until: max(mall.unsafe(t) for t in range(until - 300, until)),
    "Steps of Redis' clock": lambda until: mall.clock_steps(until - 1) - mall.clock_steps(until - 301),
    "Unreadable records": nothing,
    "Parked": nothing,
    "Recording was paused": lambda until: max(mall.paused(t) for t in range(max(0, until - 300), until)),
    "Delivery was failing": lambda until: max(mall.delivery_failing(t) for t in range(max(0, until - 300), until)),
    "Cars inside": lambda until: mall.inside(until - 1),
}


@pytest.mark.parametrize("title", NUMBERS)
def test_a_figure_is_that_of_the_last_five_minutes(evaluator, title):
    (points,) = drawn(evaluator, title).values()
    spec = plugin_of(title)["spec"]
    assert PANELS[title]["plugin"]["spec"]["visualization"]["timePreference"] == "last_5_min"
    for _, until in minutes()[5:]:
        shown = reduced(points, until, spec["aggregations"][0]["reduceTo"])
        assert shown == pytest.approx(NUMBERS[title](until), abs=10 if "Oldest" in title else 0), until


def test_the_p99_of_the_last_five_minutes_is_over_the_outage_after_it(spans):
    spec = plugin_of("p99 of the last 5 minutes")["spec"]
    assert spec["aggregations"] == [{"expression": f"p99({E2E})"}]

    def shown(until):
        found = [one.e2e_ms for one in mall.EXITS if not one.held and until - 300 <= one.written < until]
        return quantile(found, 0.99)

    def asked(until):
        end = Evaluator([], [span for span in spans if until - 300 <= minute(span) < until], START_US)
        (points,) = end.ask([{"type": "builder_query", "spec": spec}]).values()
        return max(points.values())

    calm, after_the_outage, after_the_pause, calm_again = 360, 600, 900, mall.SECONDS
    assert shown(calm) < 100 > shown(calm_again)
    assert shown(after_the_outage) > shown(after_the_pause) > 10_000
    times = (calm, after_the_outage, after_the_pause, calm_again)
    assert [asked(until) > 100 for until in times] == [False, True, True, False]


STEPS = {"publish", "process", "project", "deliver", "POST", "write"}


def counted(spans, condition):
    """Return how many spans of each name began in each minute, counted by hand."""
    found = {}
    for span in spans:
        if span.service != "parkstream-cli" and condition(span):
            line = found.setdefault(span.name, {})
            line[minute(span)] = line.get(minute(span), 0) + 1
    return found


def test_steps_and_errors_are_those_of_the_pipeline_and_not_of_a_replay(evaluator, spans):
    errors = drawn(evaluator, "Errors per step")
    assert errors == counted(spans, lambda span: span.status == "ERROR")
    assert errors.keys() == {"deliver"}
    assert {at // 60 for at in errors["deliver"]} == {6, 7, 8, 9}
    steps = drawn(evaluator, "Steps per second")
    assert {name.partition(" ")[0] for name in steps} == STEPS
    wanted = counted(spans, lambda _: True)
    for name, points in steps.items():
        assert points == pytest.approx({at: number / 60 for at, number in wanted[name].items()})
        assert not [at for at in points if mall.GAP.start < at < mall.GAP.stop]
    stages = drawn(evaluator, "p95 per stage")
    assert stages.keys() == steps.keys()
    assert stages["project"] == pytest.approx(dict.fromkeys(stages["project"], 1e6))


def test_visits_that_waited_are_apart(evaluator):
    (points,) = drawn(evaluator, "Visits that had to wait for a sighting").values()
    assert points[60] == pytest.approx(2_000 + 15, abs=10)


def test_the_slowest_exits_come_first(evaluator):
    (title,) = LISTS
    found = evaluator.spans(plugin_of(title)["spec"])
    slowest = sorted((one for one in mall.EXITS if not one.held), key=lambda one: -one.e2e_ms)[:20]
    assert [facts(span)["parking.visit.id"] for span in found] == [f"visit-{one.at}" for one in slowest]
    assert PANELS[title]["plugin"]["spec"]["selectFields"] == plugin_of(title)["spec"]["selectFields"]


HISTOGRAMS = {
    "Time of one group commit": ({"p50": 0.5, "p95": 0.95, "p99": 0.99}, COMMIT_SECONDS, "parking.commit.duration"),
    "Wait for replicas": ({"p50": 0.5, "p95": 0.95, "p99": 0.99}, COMMIT_SECONDS, "parking.replicas.wait"),
    "How long cars stay": ({"p50": 0.5, "p95": 0.95, "p99": 0.99}, STAYS, "parking.visit.dwell"),
    "fsync of the summary file, p95": ({"p95": 0.95}, COMMIT_SECONDS, "parking.summary_file.sync.duration"),
}


def bucket_of(value, bounds):
    return next(number for number, bound in enumerate([*bounds, math.inf]) if value <= bound)


@pytest.mark.parametrize("title", HISTOGRAMS)
def test_a_percentile_of_a_histogram_is_in_the_bucket_of_the_true_one(evaluator, title):
    levels, values, metric = HISTOGRAMS[title]
    (bounds,) = [one.buckets for one in vars(names).values() if getattr(one, "name", "") == metric]
    lines = drawn(evaluator, title)
    for legend, level in levels.items():
        figures = [value for value in lines[legend].values() if not math.isnan(value)]
        assert len(figures) >= 18
        true = sorted(values * 20)[math.ceil(level * 60) - 1]
        assert {bucket_of(value, bounds) for value in figures} == {bucket_of(true, bounds)}


def test_the_wait_until_delivery_shows_the_pause(evaluator):
    (points,) = drawn(evaluator, "Wait until delivery, p95").values()
    assert points[60] < 0.005
    assert points[780] > 5


def test_the_average_commit_is_exact_where_a_percentile_would_not_be(evaluator):
    (points,) = drawn(evaluator, "Events in one group commit, on average").values()
    assert points[120] == pytest.approx(sum(COMMIT_SIZES) / len(COMMIT_SIZES), abs=0.03)


def test_a_gate_is_drawn_by_direction_for_as_long_as_it_is_behind(evaluator):
    lines = drawn(evaluator, "Gates that are behind")
    assert lines.keys() == {f"{direction} north" for direction in mall.BEHIND}
    for direction, behind in mall.BEHIND.items():
        points = lines[f"{direction} north"]
        assert points.keys() == {start for start, _ in minutes() if start in behind}
        for at, value in points.items():
            least, most = now(partial(mall.gate_delay, direction), at, at + 60)
            assert least <= value <= most, at


def test_bytes_per_record_are_those_of_redis(evaluator):
    (points,) = drawn(evaluator, "Redis bytes per record").values()
    assert points[1920] == pytest.approx(900 + 1e6 / (2 * mall.recorded(1_970)), rel=0.05)


CHECKED = {
    *FIGURES,
    *NUMBERS,
    *HISTOGRAMS,
    *LISTS,
    "p99 of the last 5 minutes",
    "Errors per step",
    "Steps per second",
    "p95 per stage",
    "Visits that had to wait for a sighting",
    "Wait until delivery, p95",
    "Events in one group commit, on average",
    "Redis bytes per record",
    "Gates that are behind",
}


def test_every_panel_is_checked_here_or_in_clickhouse():
    assert PANELS.keys() == CHECKED | IN_SQL
    assert set() == CHECKED & IN_SQL
    asked_in_sql = {title for title in PANELS if plugin_of(title)["kind"] == "signoz/ClickHouseSQL"}
    assert asked_in_sql == IN_SQL


def test_the_half_hour_has_it_all():
    assert len(mall.EXITS) == mall.SECONDS - len(mall.GAP)
    assert max(mall.oldest_seconds(t) for t in range(mall.SECONDS)) > 190
    assert all(later.at > sooner.at for sooner, later in pairwise(mall.EXITS))
