"""Percentiles are right to 1 %, whatever was recorded."""

from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parkstream_telemetry import Stage
from parkstream_telemetry.latency import ERROR, Latency, Samples

durations = st.floats(2e-6, 1e5)


def samples_of(*seconds):
    samples = Samples()
    for one in seconds:
        samples.record(one)
    return samples


@given(st.lists(durations, min_size=1, max_size=200), st.sampled_from([0.0, 0.5, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_one_percent_of_the_sample_at_its_rank(seconds, share):
    exact = sorted(seconds)[floor(share * (len(seconds) - 1))]
    assert samples_of(*seconds).quantile(share) == pytest.approx(exact, rel=ERROR * 1.0001)


@given(st.lists(durations, max_size=50), st.lists(durations, max_size=50))
def test_merging_is_as_good_as_recording_in_one_place(here, there):
    merged = samples_of(*here)
    merged.merge(samples_of(*there))
    together = samples_of(*here, *there)
    assert merged.buckets == together.buckets
    assert merged.count == together.count


@given(st.lists(durations, max_size=50), st.lists(durations, max_size=50))
def test_what_came_since_a_copy_is_what_was_recorded_after_it(before, after):
    samples = samples_of(*before)
    copy = samples.copy()
    for one in after:
        samples.record(one)
    assert samples.since(copy).buckets == samples_of(*after).buckets


@given(st.lists(durations, max_size=100))
def test_buckets_with_bounds_lose_no_sample(seconds):
    bounds = (0.001, 0.01, 0.1, 1.0)
    counts = samples_of(*seconds).within(bounds)
    assert len(counts) == len(bounds) + 1
    assert sum(counts) == len(seconds)


def test_a_bucket_with_a_bound_holds_what_lies_below_it():
    assert samples_of(0.005, 0.05, 0.5, 5.0).within((0.01, 0.1, 1.0)) == (1, 1, 1, 1)


def test_memory_does_not_grow():
    samples = Samples()
    size = len(samples.buckets)
    for number in range(10_000):
        samples.record(number**2)
    assert len(samples.buckets) == size < 2_000


@pytest.mark.parametrize("seconds", [-5.0, 0.0, 1e-9])
def test_clocks_that_differ_count_as_no_time_at_all(seconds):
    assert samples_of(seconds).quantile(0.5) == 0.0


def test_no_time_is_too_long():
    assert samples_of(1e12).quantile(0.5) == pytest.approx(1e6, rel=0.03)


def test_without_a_sample_there_are_no_percentiles():
    assert Latency().percentiles(Stage.END_TO_END) is None


def test_percentiles_are_of_one_stage_and_in_milliseconds():
    latency = Latency()
    for number in range(1, 101):
        latency.record(Stage.END_TO_END, number / 1000)
    found = latency.percentiles(Stage.END_TO_END)
    assert found.count == 100
    assert (found.p50_ms, found.p95_ms, found.p99_ms) == pytest.approx((50, 95, 99), rel=0.02)
    assert latency.percentiles(Stage.END_TO_END_PENDING) is None


def test_the_latest_percentiles_are_those_since_the_last_question():
    latency = Latency()
    latency.record(Stage.END_TO_END, 1.0)
    assert latency.latest()["end_to_end"].count == 1
    assert latency.latest() == {}
    latency.record(Stage.END_TO_END, 0.5)
    assert latency.latest()["end_to_end"].p50_ms == pytest.approx(500, rel=0.01)
    assert latency.percentiles(Stage.END_TO_END).count == 2
