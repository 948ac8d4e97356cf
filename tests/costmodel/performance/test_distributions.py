import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import MOST_POINTS, Distribution
from loadgen.schema import from_plain, to_plain

values = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=60)


@given(values, st.integers(1, 500))
def test_samples_of_any_number_keep_the_mean(measured: list[float], n: int) -> None:
    distribution = Distribution.from_samples(measured)
    assert distribution.samples(n).mean() == pytest.approx(np.mean(measured), rel=1e-9, abs=1e-9)


@given(values)
def test_quantiles_rise_and_stay_within_what_was_measured(measured: list[float]) -> None:
    distribution = Distribution.from_samples(measured)
    found = [distribution.quantile(q) for q in np.linspace(0, 1, 21)]
    assert found == sorted(found)
    assert min(measured) <= found[0] and found[-1] <= max(measured)


@given(values, st.floats(0, 100), st.floats(-1000, 1000))
def test_scaling_and_shifting_move_the_mean_alike(measured: list[float], factor: float, by: float) -> None:
    distribution = Distribution.from_samples(measured)
    assert distribution.scaled(factor).mean == pytest.approx(distribution.mean * factor, rel=1e-9, abs=1e-9)
    assert distribution.shifted(by).mean == pytest.approx(distribution.mean + by, rel=1e-9, abs=1e-6)


@settings(deadline=None)  # the first example imports pydantic
@given(values)
def test_plain_data_gives_the_same_distribution_back(measured: list[float]) -> None:
    distribution = Distribution.from_samples(measured)
    assert from_plain(Distribution, to_plain(distribution), "test") == distribution


def test_a_large_sample_is_kept_in_few_points_with_its_mean_and_its_p99() -> None:
    measured = np.random.default_rng(0).lognormal(3, 1, 100_000)
    distribution = Distribution.from_samples(measured)
    assert distribution.quantiles.size == MOST_POINTS
    assert distribution.mean == pytest.approx(measured.mean(), rel=1e-12)
    assert distribution.quantile(0.99) == pytest.approx(np.quantile(measured, 0.99), rel=0.01)


def test_samples_are_shuffled_by_a_generator_and_ascending_without() -> None:
    distribution = Distribution(np.arange(100.0))
    shuffled = distribution.samples(100, np.random.default_rng(1))
    assert (np.diff(distribution.samples(100)) >= 0).all() and (np.diff(shuffled) < 0).any()
    assert sorted(shuffled) == list(distribution.samples(100))


def test_no_value_at_all_is_insufficient_data() -> None:
    with pytest.raises(InsufficientDataError, match="at least one measured value"):
        Distribution.from_samples([])


@pytest.mark.parametrize("points", [[], [2.0, 1.0], [1.0, float("nan")]])
def test_points_that_are_no_distribution_are_refused(points: list[float]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        Distribution(np.array(points))
