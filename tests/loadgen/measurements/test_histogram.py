from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadgen.measurements.histogram import Histogram

values = st.lists(st.floats(0.01, 60_000), min_size=1, max_size=200)


def filled(sample: list[float]) -> Histogram:
    histogram = Histogram()
    for value in sample:
        histogram.add(value)
    return histogram


@given(values, st.sampled_from([0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_within_one_percent(sample: list[float], q: float) -> None:
    exact = float(np.quantile(sample, q, method="inverted_cdf"))
    assert filled(sample).quantile(q) == pytest.approx(exact, rel=0.0101)


@given(values, values)
def test_histograms_merge_by_addition_and_come_apart_again(first: list[float], second: list[float]) -> None:
    merged = filled(first) + filled(second)
    assert merged.bins == filled(first + second).bins
    assert merged.since(filled(first)).bins == filled(second).bins


def test_nothing_counted_has_no_quantile() -> None:
    assert Histogram().quantile(0.5) is None
