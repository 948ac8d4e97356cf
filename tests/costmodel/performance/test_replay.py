import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.performance.distributions import Distribution
from costmodel.performance.lifetime import Lifetime
from costmodel.performance.replay import Window, replay


def law(idle_s: float = 1e9, age_s: float = 1e9, function_idle_s: float | None = None) -> Lifetime:
    quiet = None if function_idle_s is None else Distribution(np.array([function_idle_s]))
    return Lifetime(Distribution(np.array([idle_s])), Distribution(np.array([age_s])), "a test", quiet)


def replayed(start_s: list[float], busy_s: float, lifetime: Lifetime) -> list[int]:
    window = replay(np.array(start_s), np.full(len(start_s), busy_s), lifetime, np.random.default_rng(0))
    return list(window.environment)


def test_an_idle_environment_is_used_again_until_its_idle_limit() -> None:
    assert replayed([0, 10, 111, 212], 1.0, law(idle_s=100.0)) == [0, 0, 0, 0]
    assert replayed([0, 10, 112, 212], 1.0, law(idle_s=100.0)) == [0, 0, 1, 1]


def test_a_request_that_finds_all_busy_starts_another_and_the_last_used_comes_first() -> None:
    assert replayed([0, 1, 2, 20, 40], 5.0, law()) == [0, 1, 2, 2, 2]


def test_an_old_environment_goes_once_it_is_idle() -> None:
    assert replayed([0, 50, 99, 101], 10.0, law(age_s=100.0)) == [0, 0, 0, 1]
    assert replayed([0, 50, 99, 110], 10.0, law(age_s=100.0)) == [0, 0, 0, 1]


def test_a_pause_of_the_whole_function_ends_every_environment() -> None:
    assert replayed([0, 1, 30, 31], 5.0, law(function_idle_s=20.0)) == [0, 1, 2, 3]


def test_an_environment_alone_outlives_its_idle_limit_where_pauses_have_one_of_their_own() -> None:
    """A second one that is spare does not."""
    assert replayed([0, 10, 111], 1.0, law(idle_s=50.0, function_idle_s=200.0)) == [0, 0, 0]
    assert replayed([0, 0.5, 40, 80, 80.5], 1.0, law(idle_s=50.0, function_idle_s=200.0)) == [0, 1, 1, 1, 2]
    assert replayed([0, 0.5, 40, 45, 45.5], 1.0, law(idle_s=50.0, function_idle_s=200.0)) == [0, 1, 1, 1, 0]


def test_instances_count_from_first_use_to_some_time_after_the_last() -> None:
    window = Window(np.array([0.0, 50.0, 60.0]), np.ones(3), np.array([0, 0, 1]))
    assert window.environments(0.0, 100.0, 10.0) == pytest.approx((61 + 11) / 100)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 200), st.floats(0.1, 20), st.floats(1, 100), st.integers(0, 99))
def test_cold_starts_are_as_many_as_environments_and_none_works_twice_at_once(
        n: int, busy: float, idle: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    window = replay(np.sort(rng.uniform(0, 500, n)), rng.exponential(busy, n), law(idle_s=idle), rng)
    assert window.cold.sum() == np.unique(window.environment).size
    for environment in np.unique(window.environment):
        own = window.environment == environment
        gaps = window.start_s[own][1:] - (window.start_s[own] + window.busy_s[own])[:-1]
        assert (gaps >= 0).all() and (gaps <= idle + 1e-9).all()
