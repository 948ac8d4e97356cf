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
from costmodel.traffic import Bursty, Counts, fit_traffic, month_of

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


def test_growth_that_cannot_be_told_from_none_is_drawn_towards_none_and_said() -> None:
    fitted = fit_traffic(minutes(21, day_spread=0.1))
    growth = fitted.growth_per_day
    assert growth is not None and growth.low < 0 < growth.high
    assert fitted.month_level_rps() == pytest.approx(fitted.level_rps, rel=0.1)
    assert any("do not tell growth from none" in note for note in fitted.notes)


def test_two_weeks_of_unlike_days_do_not_invent_growth() -> None:
    """A straight line through them has a standard error of 0.5 a month; none of these months grows."""
    found = [fit_traffic(minutes(14, day_spread=0.2, seed=seed)).growth_per_month for seed in range(12)]
    assert np.sqrt(np.mean([each.value**2 for each in found if each])) < 0.25
    assert sum(each.low < 0 < each.high for each in found if each) >= 10


@pytest.mark.parametrize(("days", "more"), [
    (1, {}), (3, {"weekly": np.ones(7)}), (7, {"day_spread": 0.1}), (14, {"day_spread": 0.2}), (28, {"growth": 0.01}),
    (3, {"level_rps": 1 / 3600}),
])
def test_the_interval_of_a_month_s_requests_holds_what_it_says(days: int, more: dict[str, Any]) -> None:
    """Level, days, growth and the weekend that one day does not tell: of 10 months most are within the 90 % interval."""
    held = 0
    for seed in range(10):
        whole = minutes(days + 31, seed=seed, **more).requests
        fitted = fit_traffic(Counts(MONDAY_S, 60.0, whole[:days * 1440])).month_requests(seed)
        held += fitted.low <= whole[days * 1440:days * 1440 + 730 * 60].sum() <= fitted.high
    assert held >= 8


def test_a_month_s_requests_are_those_of_its_workload() -> None:
    fitted = fit_traffic(minutes(9))
    found = fitted.month_requests()
    assert found.value == pytest.approx(fitted.workload("GET /list").requests)
    assert found.low < found.value < found.high


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
        peak = fit_traffic(minutes(10, day_spread=0.1, seed=seed)).peak_minute(seed, months=60)
        actual = minutes(30, day_spread=0.1, seed=1000 + seed).requests.max()
        held += peak.low <= actual <= peak.high
    assert held >= 14


def test_a_week_that_is_seen_once_is_not_taken_for_unlike_days() -> None:
    """Seven days of a calm week: a quiet weekend is the week's shape, no spread that lifts the busiest minute."""
    peaks = [fit_traffic(minutes(7, seed=seed)).peak_minute(seed, months=100).value for seed in range(5)]
    actual = [minutes(30, seed=100 + seed).requests.max() for seed in range(5)]
    assert np.mean(peaks) == pytest.approx(np.mean(actual), rel=0.15)


def test_a_schedule_at_the_full_hour_is_in_the_busiest_minute() -> None:
    def scheduled(days: int, seed: int) -> Any:
        counts = minutes(days, weekly=np.ones(7), day_spread=0.05, seed=seed).requests
        counts[::60] = np.random.default_rng(seed).poisson(6 * counts[1::60])
        return counts

    fitted = fit_traffic(Counts(MONDAY_S, 60.0, scheduled(7, 1)))
    assert fitted.surges.profile[0] == pytest.approx(6, rel=0.1) and set(fitted.surges.profile[1:]) == {1.0}
    assert fitted.surges.dispersion == pytest.approx(0.05, abs=0.01)
    peak = fitted.peak_minute(months=100)
    assert peak.low < np.median([scheduled(30, seed).max() for seed in range(2, 9)]) < peak.high


def test_surges_return_as_often_and_as_high_as_they_were_seen() -> None:
    def stormy(days: int, seed: int) -> Any:
        counts, rng = minutes(days, weekly=np.ones(7), seed=seed).requests, np.random.default_rng(seed)
        for at in rng.integers(0, counts.size - 10, days // 2):
            counts[at:at + 10] *= 8
        return counts

    fitted = fit_traffic(Counts(MONDAY_S, 60.0, stormy(14, 1)))
    assert 7 <= len(fitted.surges.requests) <= 14, "some of the seven go over a full hour"
    assert any("beyond what bursts explain" in note for note in fitted.notes)
    peak = fitted.peak_minute(months=200)
    highest = [stormy(30, seed).max() for seed in range(2, 12)]
    assert sum(peak.low <= each <= peak.high for each in highest) >= 7
    assert fit_traffic(minutes(14)).surges.requests == ()


def test_bursts_of_little_traffic_are_told_from_all_pairs_of_an_hour() -> None:
    """A request in a quarter of an hour: neighbouring minutes that both have one are too few to compare."""
    found = [fit_traffic(minutes(7, level_rps=1 / 900, dispersion=2.0, seed=seed)).dispersion[0][1] for seed in range(8)]
    assert np.mean(found) == pytest.approx(2.0, abs=0.5)


def test_days_are_counted_from_where_the_counts_begin() -> None:
    """Seven days from a Monday's noon are seven whole days."""
    whole = minutes(8).requests
    fitted = fit_traffic(Counts(MONDAY_S + 43_200, 60.0, whole[720:720 + 7 * 1440]))
    assert fitted.weekly == pytest.approx(WEEKLY, rel=0.04)
    assert not any("How much days differ" in note for note in fitted.notes)


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


def test_counts_by_the_minute_say_that_their_seconds_are_taken_as_even() -> None:
    assert "bursts within a minute" in fit_traffic(minutes(2)).notes[0]
    times = pd.to_datetime(MONDAY_S + np.arange(0, 2 * 86_400, 30.0), unit="s", utc=True)
    assert "bursts within a minute" not in fit_traffic(Counts.from_times(times)).notes[0]


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


@pytest.mark.parametrize("bad", [float("nan"), -1.0, float("inf")])
def test_requests_that_cannot_be_counted_are_refused_by_place(bad: float) -> None:
    with pytest.raises(InputError, match=rf"requests\[7\]={bad}: give finite numbers"):
        Counts(MONDAY_S, 60.0, np.where(np.arange(1440) == 7, bad, 1.0))


@pytest.mark.parametrize(("make", "said"), [
    (lambda: Counts(MONDAY_S, 60.0, np.ones((2, 3))), r"requests: shape \(2, 3\)"),
    (lambda: Counts(float("nan"), 60.0, np.ones(3)), "from nan"),
    (lambda: Counts.from_times(["monday", "tuesday"]), "ISO 8601"),
    (lambda: Counts.from_times(pd.to_datetime(["2026-11-02", None, "2026-11-03"])), "1 of 3 times are missing"),
    (lambda: Counts.from_metrics(pd.DataFrame({"at": []}), "Count"), "no column period_s"),
    (lambda: Counts.from_metrics(metrics(60, [0], [1.0]), "Count", start_s=MONDAY_S, end_s=0.0), "ends before it begins"),
    (lambda: Counts.from_metrics(metrics(60, [0], [1.0]), "Count", start_s=float("nan")), "start_s=nan"),
    (lambda: month_of({}), "0 triggers"),
])
def test_what_cannot_be_read_is_refused_in_one_line(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said) as problem:
        make()
    assert "\n" not in str(problem.value)


def test_an_access_log_and_metrics_of_the_same_requests_are_the_same_counts() -> None:
    """A log of a day is a day where its window is named; without one its first and last minutes are parts."""
    at_s = MONDAY_S + np.sort(np.random.default_rng(4).uniform(0, 86_400, 9_000))
    times = pd.to_datetime(at_s, unit="s", utc=True)
    by_minute = np.bincount(((at_s - MONDAY_S) // 60).astype(int), minlength=1440)
    seen = np.flatnonzero(by_minute)
    of_metrics = Counts.from_metrics(metrics(60, seen * 60, by_minute[seen].astype(float)), "Count", start_s=MONDAY_S,
                                     end_s=MONDAY_S + 86_400)
    of_log = Counts.from_times(times, start_s=MONDAY_S, end_s=MONDAY_S + 86_400)
    assert of_log.requests.tolist() == of_metrics.requests.tolist() == by_minute.tolist()
    assert Counts.from_times(times).requests.tolist() == by_minute[1:-1].tolist()
    assert fit_traffic(of_log).level_rps == pytest.approx(9_000 / 86_400)
    with pytest.raises(InsufficientDataError, match=r"23\.9 h .* name its window"):
        fit_traffic(Counts.from_times(times))


def test_days_without_requests_and_traffic_that_stopped_stay_finite() -> None:
    monday = np.concatenate([np.full(1440, 5.0), np.zeros(6 * 1440)])
    stopped = np.concatenate([np.full(7 * 1440, 50.0), np.zeros(7 * 1440)])
    for requests in (monday, np.tile(monday, 4), stopped, np.eye(1, 30 * 1440, 700).ravel()):
        fitted = fit_traffic(Counts(MONDAY_S, 60.0, requests))
        month, peak = fitted.month_requests(months=400), fitted.peak_minute(months=20)
        assert 0 <= month.low <= month.value <= month.high < np.inf and 0 <= peak.low <= peak.high < np.inf


def test_periods_that_cloudwatch_does_not_have_are_refused() -> None:
    with pytest.raises(InputError, match="60, 300 or 3600"):
        Counts(MONDAY_S, 10.0, np.ones(10))
