import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.performance.curves import VCPU_MB, Curves, Form, fit_curves
from costmodel.performance.quota import PERIOD_MS

SIZES = np.array([256.0, 512.0, 1024.0])
SURE = np.full(3, 0.001)
WIDE = np.full(3, 12.0)


def one(form: Form, fixed_ms: float, cpu_ms: float, *, knee_mb: float = 1769.0, drag: float = 0.0,
        parallel: float = 0.0, vcpu_mb: float = 1769.0) -> Curves:
    values = (fixed_ms, cpu_ms, knee_mb, drag, parallel, 0.0)
    return Curves(vcpu_mb, np.array([form]), *(np.array([value]) for value in values))


@settings(deadline=None, max_examples=25)
@given(st.floats(1, 500), st.floats(20, 500))
def test_work_that_is_proportional_is_found_again_between_the_sizes(fixed: float, cpu: float) -> None:
    truth = one("proportional", fixed, cpu)
    found = fit_curves(SIZES, truth.mean_ms(SIZES), SURE, np.zeros(3))
    assert found.share("proportional") > 0.9
    assert found.mean_ms([320, 768]) == pytest.approx(truth.mean_ms([320, 768]), rel=0.06)


@settings(deadline=None, max_examples=25)
@given(st.floats(0, 200), st.floats(150, 2000))
def test_long_work_whose_durations_spread_over_the_period_gets_the_quota_credit(fixed: float, cpu: float) -> None:
    truth = one("credit", fixed, cpu)
    found = fit_curves(SIZES, truth.mean_ms(SIZES), SURE, WIDE)
    assert found.share("credit") > 0.9
    assert found.mean_ms([320, 768]) == pytest.approx(truth.mean_ms([320, 768]), rel=0.04)


def test_the_same_means_without_that_spread_get_no_credit() -> None:
    means = one("credit", 10.0, 300.0).mean_ms(SIZES)
    assert fit_curves(SIZES, means, SURE, np.full(3, 1.0)).share("proportional") > 0.9


@pytest.mark.parametrize("cpu", [4.0, 9.0, 15.0])
def test_a_fast_function_gets_the_staircase(cpu: float) -> None:
    truth = one("staircase", 3.0, cpu)
    sizes = np.array([128.0, 256.0, 512.0])
    found = fit_curves(sizes, truth.mean_ms(sizes), SURE, WIDE)
    assert found.share("staircase") > 0.9
    assert found.mean_ms([192, 384, 1769]) == pytest.approx(truth.mean_ms([192, 384, 1769]), rel=0.1)


@pytest.mark.parametrize(("cpu", "memory_mb"), [(2.0, 128), (7.0, 256), (15.0, 512), (30.0, 1024)])
def test_the_staircase_is_the_mean_of_work_that_waits_for_its_quota_period_by_period(cpu: float, memory_mb: int) -> None:
    quota = PERIOD_MS * memory_mb / 1769
    ends = []
    for phase in (np.arange(4000) + 0.5) / 4000 * PERIOD_MS:
        left, elapsed, runs = cpu, 0.0, min(phase, quota)
        boundary = phase
        while left > runs:
            left -= runs
            elapsed, boundary, runs = boundary, boundary + PERIOD_MS, quota
        ends.append(elapsed + left)
    assert one("staircase", 0.0, cpu).mean_ms(memory_mb) == pytest.approx(np.mean(ends), rel=0.01)


def waiting_ms(cpu: float, wait: float, memory_mb: float, calls: int = 40) -> float:
    """Mean over the phase of work in `calls` bursts with a wait after each: followed burst by burst, period by period."""
    quota, ends = PERIOD_MS * memory_mb / 1769, []
    for phase in (np.arange(200) + 0.5) / 200 * PERIOD_MS:
        now, boundary, left = 0.0, phase, quota
        for _ in range(calls):
            need = cpu / calls
            while need > 0:
                run = min(need, left, boundary - now)
                now, need, left = now + run, need - run, left - run
                if need > 0:
                    now, boundary, left = boundary, boundary + PERIOD_MS, quota
            now += wait / calls
            while boundary <= now:
                boundary, left = boundary + PERIOD_MS, quota
        ends.append(now)
    return float(np.mean(ends))


@pytest.mark.parametrize(("cpu", "wait"), [(6.0, 6.0), (8.0, 2.0), (4.0, 10.0)])
@pytest.mark.parametrize("memory_mb", [128, 256, 512, 1769])
def test_work_that_waits_in_between_is_the_staircase_of_a_lower_knee(cpu: float, wait: float, memory_mb: int) -> None:
    curve = one("staircase", 0.0, cpu + wait, knee_mb=1769.0 * cpu / (cpu + wait))
    assert curve.mean_ms(memory_mb) == pytest.approx(waiting_ms(cpu, wait, memory_mb), rel=0.04)


@pytest.mark.parametrize(("cpu", "wait", "measured"), [
    (6.0, 6.0, (128, 256, 1024)), (4.0, 10.0, (128, 1024)), (5.0, 15.0, (128, 1024))])
def test_waits_that_the_quota_hides_are_found_though_only_means_are_known(
        cpu: float, wait: float, measured: tuple[int, ...]) -> None:
    means = [waiting_ms(cpu, wait, memory_mb) for memory_mb in measured]
    found = fit_curves(measured, means, np.full(len(means), 0.02), np.full(len(means), np.nan))
    errors = [found.mean_ms(m)[0] / waiting_ms(cpu, wait, m) - 1 for m in (192, 384, 512, 1769)]
    assert np.abs(errors).mean() < 0.1


def test_short_work_that_waits_scatters_more_than_short_work_that_does_not() -> None:
    waits = fit_curves(SIZES, [13.0, 12.0, 12.0], np.full(3, 0.02), np.zeros(3))
    works = fit_curves(SIZES, one("staircase", 0.0, 12.0).mean_ms(SIZES), np.full(3, 0.02), WIDE)
    longer = fit_curves(SIZES, [1300.0, 1200.0, 1200.0], np.full(3, 0.02), np.zeros(3))
    assert np.median(waits.scatter) > 2 * max(np.median(works.scatter), np.median(longer.scatter))


def test_more_memory_than_the_knee_changes_nothing() -> None:
    at = one("proportional", 5.0, 100.0, knee_mb=1200.0).mean_ms([1100, 1200, 3008])
    assert at[0] > at[1] == pytest.approx(at[2], rel=1e-12)


def test_the_parallel_part_goes_on_falling_beyond_one_vcpu() -> None:
    at = one("proportional", 0.0, 100.0, parallel=0.5).mean_ms([1769, 3538, 10_240])
    assert at == pytest.approx([100.0, 75.0, 50.0 + 50.0 * 1769 / 10_240])


def test_durations_that_grow_with_memory_are_fitted_flat_not_with_negative_work() -> None:
    found = fit_curves(SIZES, [106.0, 110.0, 114.0], np.full(3, 0.02), np.zeros(3))
    assert found.mean_ms(128) == pytest.approx(found.mean_ms(2048), rel=0.2)
    assert found.mean_ms(2048) == pytest.approx(110.0, rel=0.1)


def test_a_short_flat_function_may_take_longer_where_its_work_no_longer_fits_one_quota() -> None:
    """11 ms at 256 MB and more may hold 2 ms of work: 256 MB give 2.9 ms of a period, 128 MB 1.4."""
    found = fit_curves(SIZES, [11.0, 11.0, 11.0], np.full(3, 0.02), np.zeros(3))
    low, high = np.quantile(found.draws_ms(128), [0.05, 0.95])
    assert low < 12 and high > 20
    assert found.mean_ms([384, 2048]) == pytest.approx(11.0, rel=0.05)


def test_a_spread_that_is_not_known_leaves_the_forms_to_the_means() -> None:
    unknown = np.full(3, np.nan)
    for form in ("proportional", "credit"):
        means = one(form, 5.0, 150.0).mean_ms([128, 256, 512, 1024, 1769])
        found = fit_curves([128, 256, 512, 1024, 1769], means, np.full(5, 0.001), np.full(5, np.nan))
        assert found.mean_ms([192, 768]) == pytest.approx(one(form, 5.0, 150.0).mean_ms([192, 768]), rel=0.03)
    weighed = fit_curves(SIZES, one("proportional", 0.0, 60.0).mean_ms(SIZES), SURE, unknown)
    assert weighed.share("proportional") > 0.1


def test_forms_can_be_asked_for_alone() -> None:
    means = one("credit", 10.0, 300.0).mean_ms(SIZES)
    assert fit_curves(SIZES, means, SURE, WIDE, periods=False).share("proportional") == 1.0
    assert fit_curves(SIZES, means, SURE, np.zeros(3), periods=True).share("proportional") == 0.0


def test_a_knee_below_a_whole_vcpu_is_found_where_five_sizes_show_it() -> None:
    truth = one("proportional", 0.0, 100.0, knee_mb=1100.0)
    sizes = np.array([256.0, 512.0, 1024.0, 1536.0, 2048.0])
    found = fit_curves(sizes, truth.mean_ms(sizes), np.full(5, 0.003), np.zeros(5))
    assert np.median(found.knee_mb) == pytest.approx(1100.0, rel=0.06)


def test_two_sizes_leave_open_where_the_gain_ends_and_the_curves_part_beyond_them() -> None:
    """Work that stops gaining at 1,000 MB, seen at 256 and 1,024 MB alone."""
    truth = one("proportional", 0.0, 20.0, knee_mb=1000.0)
    sizes = np.array([256.0, 1024.0])
    found = fit_curves(sizes, truth.mean_ms(sizes), np.full(2, 0.003), np.zeros(2))
    draws = found.draws_ms(1769)
    low, high = np.quantile(draws, [0.05, 0.95])
    assert high / low > 1.3
    assert 0.005 < np.mean(draws > 0.95 * truth.mean_ms(1769)) < 0.5


def test_on_arm64_the_gain_ends_at_2320_mb() -> None:
    truth = one("proportional", 0.0, 500.0, knee_mb=2320.0, vcpu_mb=2320.0)
    sizes = np.array([256.0, 1024.0, 4096.0])
    found = fit_curves(sizes, truth.mean_ms(sizes), np.full(3, 0.003), np.zeros(3), vcpu_mb=VCPU_MB["arm64"])
    assert found.mean_ms([1769, 2560]) == pytest.approx(truth.mean_ms([1769, 2560]), rel=0.03)


def test_the_same_measurements_give_the_same_curves() -> None:
    first, second = (fit_curves(SIZES, [80.0, 40.0, 20.0], SURE, np.zeros(3)).mean_ms([384, 2048]) for _ in range(2))
    assert first == pytest.approx(second, rel=0, abs=0)
