import numpy as np
import pytest

from costmodel.validation.lifetimes import (
    Predicted,
    constant_law,
    law_without,
    mean_error,
    predict_rows,
    predict_runs,
    windows_2020,
)


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


@pytest.mark.slow
def test_the_law_of_the_six_runs_predicts_the_ten_rows() -> None:
    predicted = list(predict_rows(law_without(), 20))
    assert len(predicted) == 20
    assert mean_error(predicted, "cold") < 0.08
    assert mean_error(predicted, "instances") < 0.036
    assert np.mean([each.holds for each in predicted]) >= 0.8
