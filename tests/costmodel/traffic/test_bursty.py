"""Arrivals with bursts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.traffic import Bursty


@settings(max_examples=25, deadline=None)
@given(rates=st.lists(st.floats(0, 50), min_size=1, max_size=5), step_s=st.floats(5, 200), seed=st.integers(0, 1000))
def test_bursty_arrivals_are_as_many_as_expected_in_order_and_within_the_shape(rates: list[float], step_s: float, seed: int) -> None:
    shape = Bursty(tuple(rates), step_s, ((1.0, 0.2), (60.0, 0.01)))
    times = shape.arrivals(np.random.default_rng(seed))
    expected = float(shape.expected())
    assert expected == pytest.approx(sum(rates) * step_s)
    assert all(before <= after for before, after in pairwise(times.tolist()))
    assert not times.size or (times[0] >= 0 and times[-1] <= shape.duration_s)
    sd = np.sqrt(expected + 0.2 * sum(rate**2 for rate in rates) * step_s + 0.01 * 60 * sum(rate**2 for rate in rates) * step_s)
    assert abs(times.size - expected) <= 6 * sd + 10


def test_bursty_seconds_and_minutes_have_their_over_dispersion() -> None:
    """Rate 20/s: variance of a second 20 + (0.3 + 0.02 + 0.3 x 0.02) x 400."""
    shape = Bursty((20.0,) * 6, 3600.0, ((1.0, 0.3), (60.0, 0.02)))
    times = shape.arrivals(np.random.default_rng(5))
    seconds = np.bincount(times.astype(int), minlength=6 * 3600)
    assert seconds.mean() == pytest.approx(20, rel=0.02)
    assert seconds.var() == pytest.approx(20 + 0.326 * 400, rel=0.06)
