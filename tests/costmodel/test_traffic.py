"""The month that is made from counts drawn from a known one; what so few days cannot tell."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError, InsufficientDataError
from costmodel.traffic import Bursty, Counts, fit_traffic

MONDAY_S = 20_003 * 86_400.0
DAILY = 1 + 0.6 * np.sin(2 * np.pi * np.arange(24) / 24)
WEEKLY = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])


def minutes(days: int, *, level_rps: float = 5.0, dispersion: float = 0.05, growth: float = 0.0, day_spread: float = 0.0,
            weekly: Any = WEEKLY, seed: int = 1) -> Counts:
    rng, n = np.random.default_rng(seed), days * 1440
    minute = np.arange(n)
    day = minute // 1440
    rate = level_rps * DAILY[minute // 60 % 24] * weekly[day % 7] * np.exp(growth * day + day_spread * rng.standard_normal(days)[day])
    noise = rng.gamma(1 / dispersion, dispersion, n) if dispersion else 1.0
    return Counts(MONDAY_S, 60.0, rng.poisson(rate * 60 * noise).astype(np.float64))


def test_level_daily_and_weekly_shape_and_bursts_are_found() -> None:
    fitted = fit_traffic(minutes(28))
    assert fitted.level_rps == pytest.approx(5.0, rel=0.01)
    assert fitted.daily == pytest.approx(DAILY, rel=0.03)
    assert fitted.weekly == pytest.approx(WEEKLY, rel=0.02)
    assert fitted.dispersion[0] == (60.0, pytest.approx(0.05, abs=0.003))


def test_days_that_are_not_covered_alike_do_not_bend_the_shape() -> None:
    """Nine days: two Mondays and Tuesdays, one of each other day."""
    fitted = fit_traffic(minutes(9))
    assert fitted.weekly == pytest.approx(WEEKLY, rel=0.03)
    assert fitted.level_rps == pytest.approx(5.0, rel=0.02)


def test_poisson_counts_are_hardly_over_dispersed() -> None:
    """What is left are the steps from hour to hour."""
    mean = 300 * DAILY[np.arange(7 * 1440) // 60 % 24] * np.repeat(WEEKLY, 1440)
    x, y = mean[:-1], mean[1:]
    # With x, y Poisson, the numerator, sum of (x - y)^2 / 2 - (x + y) / 2, has mean sum of step^2 / 2. Its variance: 2 m^2
    # from each count's square, m^2 from each product of neighbours, and step^2 (x + y) at each step.
    variance = 3 * (mean**2).sum() + ((x - y) ** 2 * (x + y)).sum()
    bound = (((x - y) ** 2 / 2).sum() + 3 * np.sqrt(variance)) / (x * y).sum()
    assert fit_traffic(minutes(7, dispersion=0.0)).dispersion[0][1] < bound


def test_growth_is_found_where_it_is_and_projected_to_the_next_month() -> None:
    fitted = fit_traffic(minutes(28, growth=0.01, day_spread=0.03))
    growth = fitted.growth_per_month
    assert growth is not None
    assert growth.low < np.expm1(0.01 * 730 / 24) < growth.high
    assert fitted.month_level_rps() == pytest.approx(5.0 * np.exp(0.01 * (27.5 + 15.2)), rel=0.1)


def test_what_cannot_be_told_from_none_is_no_growth() -> None:
    fitted = fit_traffic(minutes(21, day_spread=0.1))
    assert fitted.month_level_rps() == fitted.level_rps
    assert any("do not tell it from none" in note for note in fitted.notes)


def test_few_days_have_no_week_and_no_growth_and_say_so() -> None:
    fitted = fit_traffic(minutes(2))
    assert set(fitted.weekly) == {1.0}
    assert fitted.growth_per_month is None
    assert fitted.hourly_rps().size == 24
    assert [note[:12] for note in fitted.notes[1:]] == ["Days of the ", "No growth: f"]


def test_the_intervals_of_the_peak_minute_hold_what_they_say() -> None:
    """Of twenty months drawn from a known one, the busiest minute of most is within the 90 % interval from ten days."""
    held = 0
    for seed in range(20):
        peak = fit_traffic(minutes(10, day_spread=0.1, seed=seed)).peak_minute(seed, months=200)
        actual = minutes(30, day_spread=0.1, seed=1000 + seed).requests.max()
        held += peak.low <= actual <= peak.high
    assert held >= 14


def test_the_month_as_a_workload_has_its_requests_and_its_shape() -> None:
    fitted = fit_traffic(minutes(28))
    month = fitted.workload("GET /list", response_bytes=100.0)
    assert month.cyclic
    assert month.requests == pytest.approx(fitted.level_rps * np.mean(np.outer(WEEKLY, DAILY)) * 730 * 3600, rel=0.02)
    assert any("simulated as" in note for note in month.assumptions)
    times = month.stream(1).time_s
    by_hour = np.bincount((times % month.period_s / (month.period_s / 168)).astype(int), minlength=168)
    assert np.corrcoef(by_hour, fitted.hourly_rps())[0, 1] > 0.98


def test_little_traffic_keeps_its_hours_whole() -> None:
    month = fit_traffic(minutes(7, level_rps=0.01)).workload("GET /list")
    assert month.period_s == 168 * 3600


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


def test_an_access_log_tells_bursts_within_the_minute() -> None:
    """What is new at the scale of a minute is told from what its seconds bring."""
    shape = Bursty((10.0,) * 26, 3600.0, ((1.0, 0.3), (60.0, 0.05)))
    times = pd.to_datetime(MONDAY_S + shape.arrivals(np.random.default_rng(2)), unit="s", utc=True)
    (one, of_seconds), (sixty, of_minutes) = fit_traffic(Counts.from_times(times)).dispersion
    assert (one, sixty) == (1.0, 60.0)
    assert of_seconds == pytest.approx(0.3, rel=0.1)
    assert of_minutes == pytest.approx(0.05, rel=0.3)


def metrics(period_s: int, at_s: Any, values: Any, dimensions: str = "{}") -> pd.DataFrame:
    return pd.DataFrame({"at": pd.to_datetime(MONDAY_S + np.asarray(at_s), unit="s", utc=True), "period_s": period_s,
                         "metric": "Count", "statistic": "Sum", "value": values, "dimensions": dimensions})


def test_metrics_without_a_datapoint_are_periods_without_requests() -> None:
    counts = Counts.from_metrics(metrics(60, [0, 60, 240], [5.0, 6.0, 7.0]), "Count")
    assert counts.requests.tolist() == [5, 6, 0, 0, 7]
    assert (counts.start_s, counts.period_s, counts.empty) == (MONDAY_S, 60, 2)


def test_coarse_metrics_say_that_they_hide_bursts() -> None:
    fine = minutes(3)
    counts = Counts(fine.start_s, 300.0, fine.requests.reshape(-1, 5).sum(axis=1))
    assert any("shorter than 300 s" in note for note in fit_traffic(counts).notes)


def test_metrics_of_two_apis_are_refused_until_one_is_named() -> None:
    both = pd.concat([metrics(60, [0, 60], [1.0, 2.0], name) for name in ("a", "b")])
    with pytest.raises(InputError, match="by dimensions"):
        Counts.from_metrics(both, "Count")
    assert Counts.from_metrics(both, "Count", "b").requests.tolist() == [1, 2]


def test_less_than_a_day_or_nothing_at_all_is_refused() -> None:
    with pytest.raises(InsufficientDataError, match=r"23\.0 h of counts"):
        fit_traffic(Counts(MONDAY_S, 60.0, np.ones(23 * 60)))
    with pytest.raises(InsufficientDataError, match="with 0 requests"):
        fit_traffic(Counts(MONDAY_S, 60.0, np.zeros(1440)))
    with pytest.raises(InsufficientDataError, match="1 times"):
        Counts.from_times(pd.to_datetime([MONDAY_S], unit="s", utc=True))


def test_periods_that_cloudwatch_does_not_have_are_refused() -> None:
    with pytest.raises(InputError, match="60, 300 or 3600"):
        Counts(MONDAY_S, 10.0, np.ones(10))
