"""Figures add up, stay few, and read as Prometheus expects."""

from threading import Thread

import pytest
from parkstream_telemetry.kinds import Attribute, Metric
from parkstream_telemetry.metrics import SERIES_MAX, Metrics, UnlistedError
from parkstream_telemetry.prometheus import exposition, family

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
    return Metrics(strict=False, report=reports)


@pytest.fixture
def strict(reports):
    return Metrics(strict=True, report=reports)


def points(metrics):
    return {figure.metric.name: figure.points for figure in metrics.snapshot()}


def text(metrics):
    return exposition(metrics.snapshot()).decode()


def test_a_counter_adds_up_per_combination_of_attributes(metrics):
    metrics.add(LETTERS, 1, {"reason": "a"})
    metrics.add(LETTERS, 2, {"reason": "a"})
    metrics.add(LETTERS, 5, {"reason": "b"})
    assert [(one.labels, one.value) for one in points(metrics)["parking.letters"]] == [
        ({"parking.reason": "a"}, 3),
        ({"parking.reason": "b"}, 5),
    ]


def test_a_histogram_counts_in_buckets_that_include_their_bound(metrics):
    for seconds in (0.05, 0.1, 0.5, 2.0):
        metrics.record(WAIT, seconds, {})
    (point,) = points(metrics)["parking.wait"]
    assert (point.counts, point.count, point.value) == ((2, 1, 1), 4, 2.65)


def test_a_series_begins_at_0_for_every_value_of_its_labels(metrics):
    ways = Attribute("parking.way", "str", "Way.").of("in", "out")
    moved = Metric("parking.moved", "counter", "{car}", "Cars.", (ways, REASON.of("a", "b")))
    metrics.begin(moved)
    metrics.begin(WAIT)
    metrics.add(moved, 2, {"reason": "b", "way": "in"})
    found = points(metrics)
    values = {(one.labels["parking.way"], one.labels["parking.reason"]): one.value for one in found["parking.moved"]}
    assert values == {("in", "a"): 0, ("in", "b"): 2, ("out", "a"): 0, ("out", "b"): 0}
    assert [one.counts for one in found["parking.wait"]] == [(0, 0, 0)]


def test_a_gauge_is_asked_when_somebody_looks(metrics):
    cars = iter([3, 4])
    metrics.watch(INSIDE, lambda: next(cars))
    assert [points(metrics)["parking.inside"][0].value for _ in range(2)] == [3, 4]


def test_a_gauge_may_have_several_series(metrics):
    metrics.watch(INSIDE, lambda: [(1, {"gate": "north"}), (2, {"gate": "south"})])
    metrics.watch(INSIDE, lambda: [(3, {"gate": "east"})])
    assert [one.labels["parking.gate"] for one in points(metrics)["parking.inside"]] == ["north", "south", "east"]


def test_a_gauge_that_knows_nothing_is_no_figure(metrics):
    metrics.watch(INSIDE, list)
    assert metrics.snapshot() == []


def test_a_gauge_that_fails_hides_no_other(metrics, reports):
    metrics.watch(INSIDE, lambda: 1 / 0)
    metrics.watch(SHARE, lambda: 0.5)
    assert "parking.inside" not in points(metrics)
    assert points(metrics)["parking.share"][0].value == 0.5
    assert "parking.inside failed" in reports[0]


def test_attributes_that_are_not_listed_are_left_out_and_reported(metrics, reports):
    metrics.add(LETTERS, 1, {"reason": "a", "plate": "B-AR 123"})
    assert points(metrics)["parking.letters"][0].labels == {"parking.reason": "a"}
    assert reports == ["parking.letters has no ['plate']"]


@pytest.mark.parametrize("attributes", [{"plate": "x"}, {"parking.reason": "x"}])
def test_strict_figures_take_no_attribute_that_is_not_listed(strict, attributes):
    with pytest.raises(UnlistedError):
        strict.add(LETTERS, 1, attributes)
    with pytest.raises(UnlistedError):
        strict.record(WAIT, 1, attributes)


def test_strict_figures_take_no_metric_for_another_kind(strict):
    with pytest.raises(UnlistedError, match="is a histogram, no counter"):
        strict.add(WAIT, 1, {})
    with pytest.raises(UnlistedError, match="is a counter, no histogram"):
        strict.record(LETTERS, 1, {})


def test_series_are_bounded_and_nothing_is_lost(metrics):
    for number in range(SERIES_MAX * 2):
        metrics.add(LETTERS, 1, {"reason": f"reason {number}"})
    found = points(metrics)["parking.letters"]
    assert len(found) == SERIES_MAX + 1
    assert sum(one.value for one in found) == SERIES_MAX * 2
    assert found[-1].labels == {"otel.metric.overflow": True}
    assert len(metrics._by_call) <= SERIES_MAX


def test_threads_lose_no_count(metrics):
    def count():
        for _ in range(5_000):
            metrics.add(LETTERS, 1, {"reason": "a"})

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert points(metrics)["parking.letters"][0].value == 20_000


def test_prometheus_reads_counters_and_histograms(metrics):
    metrics.add(LETTERS, 1, {"reason": 'say "x"\\\n'})
    metrics.record(WAIT, 0.5, {})
    assert text(metrics) == (
        "# HELP parking_letters_total Letters.\n"
        "# TYPE parking_letters_total counter\n"
        'parking_letters_total{parking_reason="say \\"x\\"\\\\\\n"} 1\n'
        "# HELP parking_wait_seconds Wait.\n"
        "# TYPE parking_wait_seconds histogram\n"
        'parking_wait_seconds_bucket{le="0.1"} 0\n'
        'parking_wait_seconds_bucket{le="1"} 1\n'
        'parking_wait_seconds_bucket{le="+Inf"} 1\n'
        "parking_wait_seconds_sum 0.5\n"
        "parking_wait_seconds_count 1\n"
    )


@pytest.mark.parametrize(
    ("metric", "name"),
    [
        (LETTERS, "parking_letters_total"),
        (WAIT, "parking_wait_seconds"),
        (SHARE, "parking_share_ratio"),
        (Metric("a.size", "gauge", "By", ""), "a_size_bytes"),
        (INSIDE, "parking_inside"),
    ],
)
def test_prometheus_names_carry_the_unit(metric, name):
    assert family(metric) == name


@pytest.mark.parametrize(("value", "shown"), [(float("nan"), "NaN"), (float("inf"), "+Inf"), (1.5, "1.5"), (2.0, "2")])
def test_prometheus_reads_every_number(metrics, value, shown):
    metrics.watch(SHARE, lambda: value)
    assert text(metrics).splitlines()[-1] == f"parking_share_ratio {shown}"
