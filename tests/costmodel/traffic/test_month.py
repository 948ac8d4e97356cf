"""The month that follows the counts: its requests, its busiest minute, its workload."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from costmodel.errors import InputError
from costmodel.traffic import Counts, fit_traffic, month_of

Minutes = Callable[..., Counts]
DAILY = 1 + 0.6 * np.sin(2 * np.pi * np.arange(24) / 24)
WEEKLY = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])


def test_a_month_s_requests_are_those_of_its_workload(minutes: Minutes) -> None:
    fitted = fit_traffic(minutes(9))
    found = fitted.month_requests()
    assert found.value == pytest.approx(fitted.workload("GET /list").requests)
    assert found.low < found.value < found.high


def test_the_intervals_of_the_peak_minute_hold_what_they_say(minutes: Minutes) -> None:
    """Of twenty months drawn from a known one, the busiest minute of most is within the 90 % interval from ten days."""
    held = 0
    for seed in range(20):
        peak = fit_traffic(minutes(10, day_spread=0.1, seed=seed)).peak_minute(seed, months=60)
        actual = minutes(30, day_spread=0.1, seed=1000 + seed).requests.max()
        held += peak.low <= actual <= peak.high
    assert held >= 14


def test_the_month_as_a_workload_has_its_requests_and_its_shape(minutes: Minutes) -> None:
    fitted = fit_traffic(minutes(28))
    month = fitted.workload("GET /list", response_bytes=100.0)
    assert month.cyclic
    assert month.requests == pytest.approx(fitted.level_rps * np.mean(np.outer(WEEKLY, DAILY)) * 730 * 3600, rel=0.02)
    assert any("simulated as" in note for note in month.assumptions)
    times = month.stream(1).time_s
    by_hour = np.bincount((times % month.period_s / (month.period_s / 168)).astype(int), minlength=168)
    assert np.corrcoef(by_hour, fitted.hourly_rps())[0, 1] > 0.98


def test_little_traffic_keeps_its_hours_whole(minutes: Minutes) -> None:
    month = fit_traffic(minutes(7, level_rps=0.01)).workload("GET /list")
    assert month.period_s == 168 * 3600


def test_a_month_of_no_trigger_is_refused() -> None:
    with pytest.raises(InputError, match="0 triggers") as problem:
        month_of({})
    assert "\n" not in str(problem.value)


def test_hours_that_are_shortened_say_so_with_what_it_does_to_cold_starts() -> None:
    hour = np.arange(3 * 1440) / 60 % 24
    busy_days = Counts(0.0, 60.0, np.where((hour >= 8) & (hour < 18), 6000.0, 400.0))
    month = fit_traffic(busy_days).workload("GET /products")
    assert month.expected == pytest.approx(500_000, rel=0.01)
    assert month.shortened == pytest.approx(3600 / (month.period_s / 24))
    assert any(f"may count up to {month.shortened:.1f} times" in note for note in month.assumptions)
    assert fit_traffic(busy_days).workload("GET /products", 1e7).shortened == 1.0
