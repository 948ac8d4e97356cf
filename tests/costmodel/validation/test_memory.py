from collections.abc import Sequence

import numpy as np
import pytest

from costmodel.performance.distributions import Distribution
from costmodel.performance.sizes import MeasuredSize
from costmodel.validation.memory import (
    POWER_TUNING_MB,
    TRIPLES,
    Unmeasured,
    by_cross_validation,
    exponential,
    left_out_2025,
    ours,
    power_tuning_2020,
    score_2020,
    swept_2020,
    unmeasured_2020,
    usd,
)

FEW = TRIPLES[1::5]


def test_the_2020_sweep_is_four_functions_at_46_sizes_with_100_invocations_each() -> None:
    functions = swept_2020()
    assert [function.name for function in functions] == ["f1", "f2", "f3", "f4"]
    assert all(len(function.memory_mb) == 46 and {v.size for v in function.durations_ms} == {100} for function in functions)
    assert functions[0].means_ms[0] == pytest.approx(5500.49, abs=0.01)


def test_every_triple_spans_the_range_and_is_asked_of_the_others_alone() -> None:
    assert len(TRIPLES) == 36
    assert all(low <= 256 < middle < 1536 <= high for low, middle, high in TRIPLES)


def test_three_sizes_predict_the_43_others_within_the_figure_to_reach() -> None:
    scores = score_2020(ours, FEW)
    assert scores.error is not None and scores.error < 0.033
    assert scores.regret < 0.018


@pytest.mark.parametrize("choices", [((128, 1024), (512, 1536), (256, 2048)), FEW[::2]])
def test_nine_in_ten_intervals_hold_between_the_measured_sizes_and_beyond_them(choices: Sequence[tuple[int, ...]]) -> None:
    found = unmeasured_2020(choices)
    assert found.number(inside=True) + found.number(inside=False) == 4 * len(choices) * (46 - len(choices[0]))
    assert all(found.held(figure, inside=inside) > 0.84 for figure in ("mean", "p50") for inside in (True, False))


def test_the_tail_at_sizes_that_were_not_measured_is_kept() -> None:
    found = unmeasured_2020(FEW[::2])
    assert np.abs(found.p95_error).mean() < 0.05
    assert abs(np.median(found.p99_error)) < 0.03


def test_no_interval_between_sizes_is_no_share() -> None:
    nothing = Unmeasured(*[np.array([], dtype=bool)] * 3, *[np.array([])] * 3)
    assert np.isnan(nothing.held("mean", inside=True))


def test_cross_validation_takes_the_form_that_the_durations_follow() -> None:
    sizes = (128, 256, 512, 1024, 1769)
    credit = [20.0 + 400 * 1769 / m - 20 * (1 - m / 1769) for m in sizes]
    measured = [MeasuredSize(m, 100, Distribution(np.full(2, mean))) for m, mean in zip(sizes, credit, strict=True)]
    expected = [20.0 + 400 * 1769 / m - 20 * (1 - m / 1769) for m in (384, 768)]
    assert by_cross_validation(measured, (384, 768)) == pytest.approx(expected, rel=0.02)


def test_a_single_exponential_is_more_than_twice_as_far_off() -> None:
    own, theirs = score_2020(ours, FEW), score_2020(exponential, FEW)
    assert own.error is not None and theirs.error is not None
    assert theirs.error > 2 * own.error
    assert theirs.regret > own.regret


def test_the_exponential_finds_its_own_curve_again() -> None:
    sizes = [MeasuredSize(m, 100, Distribution(np.array([20 + 300 * np.exp(-m / 400)]))) for m in (128, 512, 1536)]
    assert exponential(sizes, (256, 1024)) == pytest.approx(20 + 300 * np.exp(-np.array([256, 1024]) / 400), rel=0.02)


def test_power_tuning_chooses_among_its_six_sizes_by_what_was_measured() -> None:
    assert len(POWER_TUNING_MB) == 6
    assert power_tuning_2020().regret == pytest.approx(0.0199, abs=0.0005)


def test_an_invocation_is_billed_by_the_started_millisecond_with_the_request_fee() -> None:
    assert usd((1024,), np.array([99.2]))[0] == pytest.approx(0.1 * 0.0000166667 + 0.2e-6, rel=1e-4)


def test_the_sizes_of_2025_are_predicted_from_the_others() -> None:
    found = list(left_out_2025())
    assert len(found) == 183
    assert {workload for workload, _, _ in found} == {"cpu-intensive", "memory-intensive"}
    assert np.mean([abs(error) for _, error, _ in found]) < 0.044
