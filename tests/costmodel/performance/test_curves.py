import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from costmodel.performance.curves import PERIOD_MS, VCPU_MB, Curve, fit_curve, refit

SIZES = np.array([256.0, 512.0, 1024.0])


@given(st.floats(1, 500), st.floats(1, 500))
def test_work_that_is_proportional_is_found_again(fixed: float, cpu: float) -> None:
    truth = Curve("proportional", fixed, cpu)
    found = fit_curve(SIZES, truth.mean_ms(SIZES), np.zeros(3))
    assert found.mean_ms([128, 768, 1769]) == pytest.approx(truth.mean_ms([128, 768, 1769]), rel=0.02)


@given(st.floats(0, 200), st.floats(150, 2000))
def test_long_work_whose_durations_spread_over_the_period_gets_the_quota_credit(fixed: float, cpu: float) -> None:
    truth = Curve("credit", fixed, cpu)
    found = fit_curve(SIZES, truth.mean_ms(SIZES), np.full(3, 12.0))
    assert found.form == "credit"
    assert found.mean_ms([128, 768, 1769]) == pytest.approx(truth.mean_ms([128, 768, 1769]), rel=0.02)


def test_the_same_means_without_that_spread_get_no_credit() -> None:
    means = Curve("credit", 10.0, 300.0).mean_ms(SIZES)
    assert fit_curve(SIZES, means, np.full(3, 1.0)).form == "proportional"


@pytest.mark.parametrize("cpu", [4.0, 9.0, 15.0])
def test_a_fast_function_gets_the_staircase(cpu: float) -> None:
    truth = Curve("staircase", 3.0, cpu)
    sizes = np.array([128.0, 256.0, 512.0])
    found = fit_curve(sizes, truth.mean_ms(sizes), np.full(3, 12.0))
    assert found.form == "staircase"
    assert found.mean_ms([192, 384, 1769]) == pytest.approx(truth.mean_ms([192, 384, 1769]), rel=0.1)


@pytest.mark.parametrize(("cpu", "memory_mb"), [(2.0, 128), (7.0, 256), (15.0, 512), (30.0, 1024)])
def test_the_staircase_is_the_mean_of_work_that_waits_for_its_quota_period_by_period(cpu: float, memory_mb: int) -> None:
    quota = PERIOD_MS * memory_mb / VCPU_MB
    ends = []
    for phase in (np.arange(4000) + 0.5) / 4000 * PERIOD_MS:
        left, elapsed, runs = cpu, 0.0, min(phase, quota)
        boundary = phase
        while left > runs:
            left -= runs
            elapsed, boundary, runs = boundary, boundary + PERIOD_MS, quota
        ends.append(elapsed + left)
    assert Curve("staircase", 0.0, cpu).mean_ms(memory_mb) == pytest.approx(np.mean(ends), rel=0.01)


def test_more_memory_than_the_knee_changes_nothing() -> None:
    curve = Curve("proportional", 5.0, 100.0, knee_mb=1200.0)
    assert curve.mean_ms(1200) == curve.mean_ms(3008) < curve.mean_ms(1100)


def test_durations_that_grow_with_memory_are_fitted_flat_not_with_negative_work() -> None:
    curve = refit("proportional", SIZES, np.array([10.0, 11.0, 12.0]))
    assert curve.cpu_ms == 0.0
    assert curve.fixed_ms == pytest.approx(11.0, rel=0.05)


def test_the_knee_is_found_where_three_sizes_show_it() -> None:
    truth = Curve("proportional", 0.0, 100.0, knee_mb=1100.0)
    sizes = np.array([256.0, 512.0, 1024.0, 1536.0, 2048.0])
    assert fit_curve(sizes, truth.mean_ms(sizes), np.zeros(5)).knee_mb == pytest.approx(1100.0, rel=0.05)
