from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from costmodel.performance.lifetime import default_lifetime
from costmodel.performance.priors import rows
from costmodel.performance.replay import Window
from costmodel.validation.lifetimes import (
    SEEN_ROWS,
    Predicted,
    constant_law,
    law_error,
    law_without,
    mean_error,
    predict_rows,
    predict_runs,
    published_cold_share,
    windows_2020,
    with_law_error,
)


def cases(missed: np.ndarray, chance: float) -> list[Predicted]:
    """Cases measured at exp(missed), predicted as 1, with the interval that chance makes."""
    reach = 1.645 * chance
    return [Predicted(f"{number}", "cold", float(np.exp(each)), 1.0, float(np.exp(-reach)), float(np.exp(reach)), chance)
            for number, each in enumerate(missed)]


def test_the_six_runs_are_in_order_of_time_with_their_environments() -> None:
    windows = windows_2020()
    assert len(windows) == 6
    assert [int(window.cold.sum()) for window in windows.values()] == [58, 30, 53, 36, 33, 29]
    assert all((np.diff(window.start_s) >= 0).all() and (window.busy_s > 0).all() for window in windows.values())


def test_a_law_without_a_run_is_not_fitted_to_it() -> None:
    name = next(iter(windows_2020()))
    assert "175 ends" in law_without(name).origin
    assert "229 ends" in law_without().origin


def test_a_constant_limit_of_600_s_counts_too_many_cold_starts_where_several_environments_idle() -> None:
    predicted = {each.case: each for each in predict_runs(lambda _: constant_law(), 20) if each.figure == "cold"}
    assert predicted["2020-04-24_17-53-33"].error > 0.1


def test_an_error_is_relative_and_an_interval_holds_its_ends() -> None:
    each = Predicted("a", "cold", measured=100.0, predicted=110.0, low=100.0, high=120.0)
    assert each.error == pytest.approx(0.1)
    assert each.holds
    assert mean_error([each, Predicted("b", "cold", 100.0, 80.0, 70.0, 90.0)], "cold") == pytest.approx(0.15)


def test_the_rows_count_cold_starts_as_the_publication_does() -> None:
    """Three rows are of runs that are here request by request; there the first environments were there before the run,
    and up to two requests are missing."""
    published = {f"{float(row['ArrivalRate']):.4f}/s": float(row["ColdStartProbability"])
                 for row in rows("cold_start_probability_2020.csv")}
    counted = {f"{window.start_s.size / window.start_s[-1]:.4f}/s": published_cold_share(window)
               for window in windows_2020().values()}
    assert set(SEEN_ROWS) <= counted.keys()
    assert [counted[case] for case in SEEN_ROWS] == pytest.approx([published[case] for case in SEEN_ROWS], rel=0.02)


def test_the_publications_share_is_above_cold_starts_over_requests_where_pauses_are_long() -> None:
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        start_s = np.sort(rng.uniform(0, 100_000, 200))
        cold = np.diff(start_s, prepend=-1e9) > 600
        environment = np.cumsum(cold, dtype=np.int64)
        window = Window(start_s, np.zeros(200), environment)
        shares.append(published_cold_share(window) / window.cold.mean())
    assert 1.04 < np.mean(shares) < 1.15


@pytest.mark.parametrize("law_sd", [0.0, 0.05, 0.2])
def test_the_laws_error_is_found_apart_from_chance(law_sd: float) -> None:
    rng = np.random.default_rng(2)
    found = law_error(cases(rng.normal(0.0, np.hypot(law_sd, 0.05), 400), 0.05))
    assert found == pytest.approx(law_sd, abs=0.02)


def test_intervals_with_the_laws_error_hold_nine_of_ten() -> None:
    rng = np.random.default_rng(3)
    held = [each.holds for _ in range(60) for each in with_law_error(cases(rng.normal(0.0, np.hypot(0.05, 0.05), 16), 0.05))]
    assert 0.86 < np.mean(held) < 0.95


def test_a_case_has_no_part_in_its_own_interval() -> None:
    surprise, *_ = with_law_error(cases(np.array([1.0, *[0.0] * 9]), 0.05))
    assert not surprise.holds


def test_a_row_has_no_part_in_the_intervals_of_runs() -> None:
    """They are of another kind: a row that is far off widens those of other rows."""
    close = cases(np.zeros(6), 0.01)
    rows_off = [replace(each, case=f"{number}/s", measured=1.5) for number, each in enumerate(close)]
    together, alone = with_law_error([*rows_off, *close]), with_law_error(close)
    assert together[6:] == alone
    assert together[0].high > 1.3 > alone[0].high


@pytest.mark.slow
def test_the_defaults_error_is_that_of_rows_as_they_are_predicted_from_a_rate_alone() -> None:
    law = default_lifetime(date(2020, 5, 1))
    predicted = list(predict_rows(law_without(), 5))
    for figure, known in (("cold", law.cold_error), ("instances", law.environments_error)):
        assert law_error([each for each in predicted if each.figure == figure]) == pytest.approx(known, abs=0.006)


@pytest.mark.slow
def test_the_law_of_the_six_runs_predicts_the_ten_rows() -> None:
    predicted = with_law_error(list(predict_rows(law_without(), 2)))
    assert len(predicted) == 20
    assert mean_error(predicted, "cold") < 0.08
    assert mean_error(predicted, "instances") < 0.034
    assert np.mean([each.holds for each in predicted]) >= 0.8
