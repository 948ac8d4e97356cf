"""Metric data: periods, statistics, percentiles."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.local.control.metric_store import Metric, MetricStore, Period

METRIC = Metric("AWS/Lambda", "Duration", frozenset({("FunctionName", "f")}))
values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40)


def only(store: MetricStore, metric: Metric = METRIC, length_s: int = 60) -> list[tuple[int, Period]]:
    return list(store.periods(metric, 0, 10_000, length_s))


@given(values, st.floats(0, 100))
def test_a_percentile_is_interpolated_between_the_values(seen: list[float], percent: float) -> None:
    period = Period()
    for value in seen:
        period.add(value, 1.0)
    name = f"p{percent:.4f}".removesuffix(".0000") if percent < 100 else "p100"
    expected = np.percentile(seen, float(name[1:]))
    assert period.statistic(name) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(values, values)
def test_counts_and_merged_periods_are_as_good_as_the_values_themselves(one: list[float], other: list[float]) -> None:
    parts = [Period(), Period()]
    for period, seen in zip(parts, (one, other), strict=True):
        for value in seen:
            period.add(value, 2.0)
    whole = Period()
    for value in [*one, *other] * 2:
        whole.add(value, 1.0)
    parts[0].merge(parts[1])
    for name in ("SampleCount", "Sum", "Average", "Minimum", "Maximum", "p50", "p99"):
        assert parts[0].statistic(name) == pytest.approx(whole.statistic(name), rel=1e-9, abs=1e-3)


def test_periods_begin_at_multiples_of_their_length() -> None:
    store = MetricStore()
    for at in (60, 120, 300, 540):
        store.add(METRIC, at, [(1.0, 1.0)], "Milliseconds")
    assert [(at, period.statistic("Sum")) for at, period in only(store, length_s=300)] == [(0, 2.0), (300, 2.0)]


def test_the_end_of_the_time_range_is_excluded() -> None:
    store = MetricStore()
    store.add(METRIC, 60, [(1.0, 1.0)], None)
    assert [list(store.periods(METRIC, 60, end, 60)) != [] for end in (60, 61)] == [False, True]


@pytest.mark.parametrize("metric", [
    METRIC._replace(namespace="AWS/Other"), METRIC._replace(name="Errors"), METRIC._replace(dimensions=frozenset()),
    METRIC._replace(dimensions=METRIC.dimensions | {("Resource", "f:live")}),
])
def test_another_namespace_name_or_set_of_dimensions_is_another_metric(metric: Metric) -> None:
    store = MetricStore()
    store.add(METRIC, 60, [(1.0, 1.0)], None)
    assert only(store, metric) == []


def test_of_a_statistic_set_no_percentile_is_known() -> None:
    store = MetricStore()
    store.add_set(METRIC, 60, (4.0, 10.0, 1.0, 4.0), "Milliseconds")
    period = only(store)[0][1]
    assert (period.statistic("Average"), period.statistic("p50")) == (2.5, None)


def test_a_statistic_that_is_not_known_is_named() -> None:
    with pytest.raises(ValueError, match="tm99"):
        Period(count=1.0).statistic("tm99")
