"""Growth, unlike days and what few days leave open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from costmodel.traffic import Counts, fit_traffic
from costmodel.traffic.spread import DAY_SPREADS, Spread, hour_spread

Minutes = Callable[..., Counts]
MONDAY_S = 20_003 * 86_400.0


def test_growth_is_found_where_it_is_and_projected_to_the_next_month(minutes: Minutes) -> None:
    fitted = fit_traffic(minutes(28, growth=0.01, day_spread=0.03))
    growth = fitted.growth_per_month
    assert growth is not None
    assert growth.low < np.expm1(0.01 * 730 / 24) < growth.high
    assert fitted.month_level_rps() == pytest.approx(5.0 * np.exp(0.01 * (27.5 + 15.2)), rel=0.1)


def test_growth_that_cannot_be_told_from_none_is_drawn_towards_none_and_said(minutes: Minutes) -> None:
    fitted = fit_traffic(minutes(21, day_spread=0.1))
    growth = fitted.growth_per_day
    assert growth is not None and growth.low < 0 < growth.high
    assert fitted.month_level_rps() == pytest.approx(fitted.level_rps, rel=0.1)
    assert any("do not tell growth from none" in note for note in fitted.notes)


def test_two_weeks_of_unlike_days_do_not_invent_growth(minutes: Minutes) -> None:
    """A straight line through them has a standard error of 0.5 a month; none of these months grows."""
    found = [fit_traffic(minutes(14, day_spread=0.2, seed=seed)).growth_per_month for seed in range(12)]
    assert np.sqrt(np.mean([each.value**2 for each in found if each])) < 0.25
    assert sum(each.low < 0 < each.high for each in found if each) >= 10


@pytest.mark.parametrize(("days", "more"), [
    (1, {}), (3, {"weekly": np.ones(7)}), (7, {"day_spread": 0.1}), (14, {"day_spread": 0.2}), (28, {"growth": 0.01}),
    (3, {"level_rps": 1 / 3600}),
])
def test_the_interval_of_a_month_s_requests_holds_what_it_says(minutes: Minutes, days: int, more: dict[str, Any]) -> None:
    """Level, days, growth and the weekend that one day does not tell: of 10 months most are within the 90 % interval."""
    held = 0
    for seed in range(10):
        whole = minutes(days + 31, seed=seed, **more).requests
        fitted = fit_traffic(Counts(MONDAY_S, 60.0, whole[:days * 1440])).month_requests(seed)
        held += fitted.low <= whole[days * 1440:days * 1440 + 730 * 60].sum() <= fitted.high
    assert held >= 8


def test_a_week_that_is_seen_once_is_not_taken_for_unlike_days(minutes: Minutes) -> None:
    """Seven days of a calm week: a quiet weekend is the week's shape, no spread that lifts the busiest minute."""
    peaks = [fit_traffic(minutes(7, seed=seed)).peak_minute(seed, months=100).value for seed in range(5)]
    actual = [minutes(30, seed=100 + seed).requests.max() for seed in range(5)]
    assert np.mean(peaks) == pytest.approx(np.mean(actual), rel=0.15)


def test_days_drawn_vary_about_what_is_expected() -> None:
    """Log-normal factors of mean 1, each day's correlated with the next's."""
    likely = np.eye(1, DAY_SPREADS.size, 80).ravel()
    known = Spread(tuple(likely.tolist()), persistence=0.5, level=(0.0, 0.0), growth=0.0, hours=0.0, unseen=())
    drawn = known.drawn_days(np.random.default_rng(1), 20_000, slope=0.0, counted_days=7.0)
    assert drawn.mean() == pytest.approx(1.0, abs=0.005)
    assert np.log(drawn).std() == pytest.approx(DAY_SPREADS[80], rel=0.02)
    assert np.corrcoef(np.log(drawn[:, 3]), np.log(drawn[:, 4]))[0, 1] == pytest.approx(0.5, abs=0.02)


def test_hours_that_differ_more_than_by_chance_are_told(minutes: Minutes) -> None:
    """Gamma factors of relative variance 0.04, one an hour."""
    calm = minutes(14, weekly=np.ones(7), dispersion=0.0, level_rps=50.0)
    factor = np.random.default_rng(2).gamma(25, 1 / 25, 14 * 24).repeat(60)
    expected = 50 * 60 * (1 + 0.6 * np.sin(2 * np.pi * (np.arange(14 * 1440) // 60 % 24) / 24))
    assert hour_spread(Counts(MONDAY_S, 60.0, calm.requests * factor), expected) == pytest.approx(0.04, rel=0.3)
    assert hour_spread(calm, expected) < 0.001
