"""Figures add up, stay few, and read as Prometheus expects."""

from threading import Thread

import pytest
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult
from opentelemetry.sdk.resources import Resource
from parkstream_telemetry.distributions import Distribution
from parkstream_telemetry.kinds import Attribute, Metric
from parkstream_telemetry.metrics import SERIES_MAX, Metrics, UnlistedError
from prometheus_client.parser import text_string_to_metric_families

REASON = Attribute("parking.reason", "str", "Why.")
LETTERS = Metric("parking.letters", "counter", "{letter}", "Letters.", (REASON,))
WAIT = Metric("parking.wait", "histogram", "s", "Wait.", (), (0.1, 1.0))
INSIDE = Metric("parking.inside", "gauge", "{car}", "Cars.", (Attribute("parking.gate", "str", "Gate."),))
SHARE = Metric("parking.share", "gauge", "1", "Share.")


class Reports(list):
    def __call__(self, detail):
        self.append(detail)


@pytest.fixture
def reports():
    return Reports()


@pytest.fixture
def metrics(reports):
    return Metrics(Resource.create(), strict=False, report=reports)


@pytest.fixture
def strict(reports):
    return Metrics(Resource.create(), strict=True, report=reports)


class Receiver(MetricExporter):
    """Takes what is sent last."""

    def export(self, metrics_data, timeout_millis=10_000, **_):
        (scope,) = metrics_data.resource_metrics[0].scope_metrics
        self.points = {one.name: list(one.data.data_points) for one in scope.metrics}
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis=10_000):
        return True

    def shutdown(self, timeout_millis=30_000, **_):
        pass


def samples(metrics, name):
    """Return what Prometheus reads, by the values of its labels."""
    families = list(text_string_to_metric_families(metrics.prometheus().decode()))
    assert len({family.name for family in families}) == len(families)
    found = [one for family in families for one in family.samples if one.name == name]
    return {tuple(one.labels.values()): one.value for one in found}


def test_a_counter_adds_up_per_combination_of_attributes(metrics):
    metrics.add(LETTERS, 1, {"reason": "a"})
    metrics.add(LETTERS, 2, {"reason": "a"})
    metrics.add(LETTERS, 5, {"reason": "b"})
    assert samples(metrics, "parking_letters_total") == {("a",): 3, ("b",): 5}


def test_a_histogram_counts_in_buckets_that_include_their_bound(metrics):
    for seconds in (0.05, 0.1, 0.5, 2.0):
        metrics.record(WAIT, seconds, {})
    assert samples(metrics, "parking_wait_seconds_bucket") == {("0.1",): 2, ("1.0",): 3, ("+Inf",): 4}
    assert samples(metrics, "parking_wait_seconds_sum") == {(): 2.65}


def test_a_series_begins_at_0_for_every_value_of_its_labels(metrics):
    ways = Attribute("parking.way", "str", "Way.").of("in", "out")
    moved = Metric("parking.moved", "counter", "{car}", "Cars.", (ways, REASON.of("a", "b")))
    metrics.begin(moved)
    metrics.add(moved, 2, {"reason": "b", "way": "in"})
    values = {("a", "in"): 0, ("b", "in"): 2, ("a", "out"): 0, ("b", "out"): 0}
    assert samples(metrics, "parking_moved_total") == values


def test_a_histogram_begins_at_0_and_is_shown_once(metrics):
    metrics.begin(WAIT)
    assert samples(metrics, "parking_wait_seconds_bucket") == {("0.1",): 0, ("1.0",): 0, ("+Inf",): 0}
    metrics.record(WAIT, 0.5, {})
    assert samples(metrics, "parking_wait_seconds_bucket") == {("0.1",): 0, ("1.0",): 1, ("+Inf",): 1}


def test_what_somebody_else_counts_is_shown_and_sent(reports):
    receiver = Receiver()
    metrics = Metrics(Resource.create(), receiver, strict=True, report=reports)
    stage = Metric("parking.stage", "histogram", "s", "Stage.", (Attribute("parking.way", "str", "Way."),), (0.1, 1.0))
    metrics.begin(WAIT)
    metrics.add(LETTERS, 1, {"reason": "a"})
    metrics.distribute(stage, lambda: [Distribution({"parking.way": "in"}, 2.5, (1, 0, 2))])
    counts = {("in", "0.1"): 1, ("in", "1.0"): 1, ("in", "+Inf"): 3}
    assert {(way, le): value for (le, way), value in samples(metrics, "parking_stage_seconds_bucket").items()} == counts
    metrics.shutdown(5)
    (sent,) = receiver.points["parking.stage"]
    assert (sent.bucket_counts, sent.count, sent.sum, sent.explicit_bounds) == ((1, 0, 2), 3, 2.5, (0.1, 1.0))
    assert sent.attributes == {"parking.way": "in"}
    assert [one.count for one in receiver.points["parking.wait"]] == [0]
    assert [one.value for one in receiver.points["parking.letters"]] == [1]


def test_a_gauge_is_asked_when_somebody_looks(metrics):
    cars = iter([3, 4])
    metrics.watch(INSIDE, lambda: next(cars))
    assert [samples(metrics, "parking_inside") for _ in range(2)] == [{(): 3}, {(): 4}]


def test_a_gauge_may_have_several_series_and_forgets_those_that_are_gone(metrics):
    north = [(1, {"gate": "north"})]
    metrics.watch(INSIDE, lambda: [*north, (2, {"gate": "south"})])
    metrics.watch(INSIDE, lambda: [(3, {"gate": "east"})])
    assert samples(metrics, "parking_inside") == {("north",): 1, ("south",): 2, ("east",): 3}
    north.clear()
    assert samples(metrics, "parking_inside") == {("south",): 2, ("east",): 3}


def test_a_counter_may_be_kept_elsewhere(metrics):
    metrics.watch(LETTERS, lambda: [(7, {"reason": "a"})])
    assert [samples(metrics, "parking_letters_total") for _ in range(2)] == [{("a",): 7}] * 2


def test_a_gauge_that_knows_nothing_is_no_figure(metrics):
    metrics.watch(INSIDE, list)
    assert metrics.prometheus() == b""


def test_a_gauge_that_fails_hides_no_other(metrics, reports):
    metrics.watch(INSIDE, lambda: {}["AB123"])
    metrics.watch(SHARE, lambda: 0.5)
    assert samples(metrics, "parking_inside") == {}
    assert samples(metrics, "parking_share") == {(): 0.5}
    assert "parking.inside failed: KeyError" in reports[0]
    assert "AB123" not in reports[0]


def test_attributes_that_are_not_listed_are_left_out_and_reported_once(metrics, reports):
    for _ in range(2):
        metrics.add(LETTERS, 1, {"reason": "a", "plate": "B-AR 123"})
    metrics.watch(INSIDE, lambda: [(1, {"gate": "north", "plate": "B-AR 123"})])
    assert samples(metrics, "parking_letters_total") == {("a",): 2}
    assert samples(metrics, "parking_inside") == {("north",): 1}
    assert sorted(reports) == ["parking.inside has no ['plate']", "parking.letters has no ['plate']"]


@pytest.mark.parametrize("attributes", [{"plate": "x"}, {"parking.reason": "x"}])
def test_strict_figures_take_no_attribute_that_is_not_listed(strict, attributes):
    with pytest.raises(UnlistedError):
        strict.add(LETTERS, 1, attributes)
    with pytest.raises(UnlistedError):
        strict.record(WAIT, 1, attributes)
    strict.watch(INSIDE, lambda: [(1, attributes)])
    with pytest.raises(UnlistedError):
        strict.prometheus()


def test_series_are_bounded_and_nothing_is_lost(metrics):
    for number in range(SERIES_MAX * 2):
        metrics.add(LETTERS, 1, {"reason": f"reason {number}"})
    found = samples(metrics, "parking_letters_total")
    assert len(found) == SERIES_MAX + 1
    assert sum(found.values()) == SERIES_MAX * 2
    assert b'otel_metric_overflow="true"' in metrics.prometheus()


def test_threads_lose_no_count(metrics):
    def count():
        for _ in range(5_000):
            metrics.add(LETTERS, 1, {"reason": "a"})

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert samples(metrics, "parking_letters_total") == {("a",): 20_000}


@pytest.mark.parametrize(
    "metric",
    [LETTERS, WAIT, SHARE, Metric("a.size", "gauge", "By", ""), INSIDE],
    ids=lambda metric: metric.family,
)
def test_prometheus_names_are_those_that_are_listed(metrics, metric):
    match metric.kind:
        case "counter":
            metrics.add(metric, 1, {})
        case "histogram":
            metrics.record(metric, 1, {})
        case _:
            metrics.watch(metric, lambda: 1)
    assert f"\n# TYPE {metric.family} {metric.kind}\n" in metrics.prometheus().decode()


def test_a_label_may_hold_anything(metrics):
    metrics.add(LETTERS, 1, {"reason": 'say "x"\\\n'})
    assert samples(metrics, "parking_letters_total") == {('say "x"\\\n',): 1}
