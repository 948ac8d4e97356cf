"""The shape that is found in counts drawn from a known one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from costmodel.errors import InsufficientDataError
from costmodel.traffic import Bursty, Counts, fit_traffic

Minutes = Callable[..., Counts]
MONDAY_S = 20_003 * 86_400.0
DAILY = 1 + 0.6 * np.sin(2 * np.pi * np.arange(24) / 24)
WEEKLY = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])


def test_level_daily_and_weekly_shape_and_bursts_are_found(minutes: Minutes) -> None:
    fitted = fit_traffic(minutes(28))
    assert fitted.level_rps == pytest.approx(5.0, rel=0.01)
    assert fitted.daily == pytest.approx(DAILY, rel=0.03)
    assert fitted.weekly == pytest.approx(WEEKLY, rel=0.02)
    assert fitted.dispersion[0] == (60.0, pytest.approx(0.05, abs=0.003))


def test_days_that_are_not_covered_alike_do_not_bend_the_shape(minutes: Minutes) -> None:
    """Nine days: two Mondays and Tuesdays, one of each other day."""
    fitted = fit_traffic(minutes(9))
    assert fitted.weekly == pytest.approx(WEEKLY, rel=0.03)
    assert fitted.level_rps == pytest.approx(5.0, rel=0.02)


def test_poisson_counts_are_hardly_over_dispersed(minutes: Minutes) -> None:
    """What is left are the steps from hour to hour."""
    mean = 300 * DAILY[np.arange(7 * 1440) // 60 % 24] * np.repeat(WEEKLY, 1440)
    x, y = mean[:-1], mean[1:]
    # With x, y Poisson, the numerator, sum of (x - y)^2 / 2 - (x + y) / 2, has mean sum of step^2 / 2. Its variance: 2 m^2
    # from each count's square, m^2 from each product of neighbours, and step^2 (x + y) at each step.
    variance = 3 * (mean**2).sum() + ((x - y) ** 2 * (x + y)).sum()
    bound = (((x - y) ** 2 / 2).sum() + 3 * np.sqrt(variance)) / (x * y).sum()
    assert fit_traffic(minutes(7, dispersion=0.0)).dispersion[0][1] < bound


def test_few_days_have_no_week_and_no_growth_and_say_so(minutes: Minutes) -> None:
    fitted = fit_traffic(minutes(2))
    assert set(fitted.weekly) == {1.0}
    assert fitted.growth_per_month is None
    assert fitted.hourly_rps().size == 24
    assert [note[:12] for note in fitted.notes[1:]] == ["Days of the ", "No growth: f"]


def test_days_are_counted_from_where_the_counts_begin(minutes: Minutes) -> None:
    """Seven days from a Monday's noon are seven whole days."""
    whole = minutes(8).requests
    fitted = fit_traffic(Counts(MONDAY_S + 43_200, 60.0, whole[720:720 + 7 * 1440]))
    assert fitted.weekly == pytest.approx(WEEKLY, rel=0.04)
    assert not any("How much days differ" in note for note in fitted.notes)


def test_bursts_of_little_traffic_are_told_from_all_pairs_of_an_hour(minutes: Minutes) -> None:
    """A request in a quarter of an hour: neighbouring minutes that both have one are too few to compare."""
    found = [fit_traffic(minutes(7, level_rps=1 / 900, dispersion=2.0, seed=seed)).dispersion[0][1] for seed in range(8)]
    assert np.mean(found) == pytest.approx(2.0, abs=0.5)


def test_an_access_log_tells_bursts_within_the_minute() -> None:
    """What is new at the scale of a minute is told from what its seconds bring."""
    shape = Bursty((10.0,) * 26, 3600.0, ((1.0, 0.3), (60.0, 0.05)))
    times = pd.to_datetime(MONDAY_S + shape.arrivals(np.random.default_rng(2)), unit="s", utc=True)
    (one, of_seconds), (sixty, of_minutes) = fit_traffic(Counts.from_times(times)).dispersion
    assert (one, sixty) == (1.0, 60.0)
    assert of_seconds == pytest.approx(0.3, rel=0.1)
    assert of_minutes == pytest.approx(0.05, rel=0.3)


def test_counts_by_the_minute_say_that_their_seconds_are_taken_as_even(minutes: Minutes) -> None:
    assert "bursts within a minute" in fit_traffic(minutes(2)).notes[0]
    times = pd.to_datetime(MONDAY_S + np.arange(0, 2 * 86_400, 30.0), unit="s", utc=True)
    assert "bursts within a minute" not in fit_traffic(Counts.from_times(times)).notes[0]


def test_coarse_metrics_say_that_they_hide_bursts(minutes: Minutes) -> None:
    fine = minutes(3)
    counts = Counts(fine.start_s, 300.0, fine.requests.reshape(-1, 5).sum(axis=1))
    assert any("shorter than 300 s" in note for note in fit_traffic(counts).notes)


def test_less_than_a_day_or_nothing_at_all_is_refused() -> None:
    with pytest.raises(InsufficientDataError, match=r"23\.0 h of counts"):
        fit_traffic(Counts(MONDAY_S, 60.0, np.ones(23 * 60)))
    with pytest.raises(InsufficientDataError, match="with 0 requests"):
        fit_traffic(Counts(MONDAY_S, 60.0, np.zeros(1440)))
    with pytest.raises(InsufficientDataError, match="1 times"):
        Counts.from_times(pd.to_datetime([MONDAY_S], unit="s", utc=True))


def test_days_without_requests_and_traffic_that_stopped_stay_finite() -> None:
    monday = np.concatenate([np.full(1440, 5.0), np.zeros(6 * 1440)])
    stopped = np.concatenate([np.full(7 * 1440, 50.0), np.zeros(7 * 1440)])
    for requests in (monday, np.tile(monday, 4), stopped, np.eye(1, 30 * 1440, 700).ravel()):
        fitted = fit_traffic(Counts(MONDAY_S, 60.0, requests))
        month, peak = fitted.month_requests(months=400), fitted.peak_minute(months=20)
        assert 0 <= month.low <= month.value <= month.high < np.inf and 0 <= peak.low <= peak.high < np.inf
