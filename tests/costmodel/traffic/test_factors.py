"""Factors of the hours of a day and the days of a week."""

from __future__ import annotations

import numpy as np
import pytest

from costmodel.traffic import Counts
from costmodel.traffic.factors import fit_factors, smoothed

DAILY = 1 + 0.6 * np.sin(2 * np.pi * np.arange(24) / 24)
WEEKLY = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])


def test_counts_without_chance_have_their_factors() -> None:
    """Ten days that begin on a Monday at noon: hours and days are not covered evenly."""
    even = Counts(20_003 * 86_400.0 + 43_200, 60.0, np.ones(10 * 1440))
    hour, weekday = even.calendar()
    counts = Counts(even.start_s, 60.0, 300 * DAILY[hour] * WEEKLY[weekday])
    daily, weekly = fit_factors(counts, hour, weekday, even.requests)
    assert daily == pytest.approx(DAILY, rel=1e-3)
    assert weekly == pytest.approx(WEEKLY, rel=1e-3)


def test_a_day_is_smoothed_as_far_as_chance_explains_its_hours() -> None:
    spiky = DAILY + np.where(np.arange(24) == 9, 0.5, 0.0)
    assert smoothed(spiky, noise=0.0) == pytest.approx(spiky / spiky.mean())
    assert smoothed(spiky, noise=1e9).max() < smoothed(spiky, noise=0.001).max() < spiky.max()
    assert smoothed(spiky, noise=0.01).mean() == pytest.approx(1.0)
