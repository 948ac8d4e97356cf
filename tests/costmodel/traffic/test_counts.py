"""Requests by period, from metrics and from access logs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from costmodel.errors import InputError, InsufficientDataError
from costmodel.traffic import Counts, fit_traffic

MONDAY_S = 20_003 * 86_400.0


def metrics(period_s: int, at_s: Any, values: Any, dimensions: str = "{}") -> pd.DataFrame:
    return pd.DataFrame({"at": pd.to_datetime(MONDAY_S + np.asarray(at_s), unit="s", utc=True), "period_s": period_s,
                         "metric": "Count", "statistic": "Sum", "value": values, "dimensions": dimensions})


def test_metrics_without_a_datapoint_are_periods_without_requests() -> None:
    counts = Counts.from_metrics(metrics(60, [0, 60, 240], [5.0, 6.0, 7.0]), "Count")
    assert counts.requests.tolist() == [5, 6, 0, 0, 7]
    assert (counts.start_s, counts.period_s, counts.empty) == (MONDAY_S, 60, 2)


def test_metrics_of_two_apis_are_refused_until_one_is_named() -> None:
    both = pd.concat([metrics(60, [0, 60], [1.0, 2.0], name) for name in ("a", "b")])
    with pytest.raises(InputError, match="by dimensions"):
        Counts.from_metrics(both, "Count")
    assert Counts.from_metrics(both, "Count", "b").requests.tolist() == [1, 2]


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


def test_periods_that_cloudwatch_does_not_have_are_refused() -> None:
    with pytest.raises(InputError, match="60, 300 or 3600"):
        Counts(MONDAY_S, 10.0, np.ones(10))


@pytest.mark.parametrize("period_s", [60.0, 300.0, 3600.0])
@pytest.mark.parametrize("late_s", [0.0, 43_200.0, 10_800.0])
def test_periods_are_summed_by_day_from_the_start_and_by_whole_hour_of_the_clock(period_s: float, late_s: float) -> None:
    each = int(86_400 / period_s)
    counts = Counts(MONDAY_S + late_s, period_s, np.arange(2.5 * each))
    assert counts.by_day(counts.requests)[:, 0].tolist() == [sum(range(each)), sum(range(each, 2 * each))]
    assert counts.by_day(counts.requests, 24).sum(axis=1).tolist() == counts.by_day(counts.requests)[:, 0].tolist()
    assert counts.by_hour().ravel().tolist() == counts.requests.tolist()
    hour, weekday = counts.calendar()
    assert (hour[0], weekday[0], weekday[-1]) == (late_s // 3600, 0, 2), "from Monday into Wednesday"


def test_minutes_before_the_first_full_hour_are_in_no_hour() -> None:
    counts = Counts(MONDAY_S + 50 * 60, 60.0, np.arange(75.0))
    assert counts.by_hour().tolist() == [list(range(10, 70))]


@pytest.mark.parametrize("window", [{"start_s": 0.0}, {"end_s": 1e18}])
def test_a_window_that_no_log_covers_is_refused_before_it_is_filled(window: dict[str, float]) -> None:
    times = np.datetime64("2026-11-01", "s") + np.arange(0, 172_800, 60)
    with pytest.raises(InputError, match="at most 500 days"):
        Counts.from_times(times, **window)
