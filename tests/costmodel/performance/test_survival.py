from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from costmodel.errors import InsufficientDataError
from costmodel.performance.distributions import Distribution
from costmodel.performance.lifetime import Lifetime, default_lifetime
from costmodel.performance.replay import Window, replay
from costmodel.performance.survival import ends_of, fit_lifetime

LAW_2020 = default_lifetime(date(2020, 5, 1))


def window(rate: float, law: Lifetime, seed: int, hours: float = 28.0) -> Window:
    rng = np.random.default_rng(seed)
    start_s = np.sort(rng.uniform(0, hours * 3600, int(rate * hours * 3600)))
    return replay(start_s, np.full(start_s.size, 2.0), law, rng)


def test_an_end_lies_between_the_last_use_and_the_first_request_that_went_elsewhere() -> None:
    seen = ends_of(Window(np.array([0.0, 100.0, 900.0, 950.0]), np.ones(4), np.array([0, 0, 1, 1])))
    assert list(seen.seen) == [1.0, 0.0]
    assert (seen.last_s[0], seen.until_s[0], seen.idle_s[0], seen.quiet_s[0]) == (100.0, 900.0, 799.0, 799.0)
    assert list(seen.reused_idle_s) == [99.0, 49.0]


def test_a_less_recently_used_one_that_is_passed_over_is_not_taken_for_gone() -> None:
    seen = ends_of(Window(np.array([0.0, 0.5, 10.0, 20.0]), np.ones(4), np.array([0, 1, 1, 1])))
    assert list(seen.seen) == [0.0, 0.0]


def test_the_law_that_made_the_windows_is_found_again() -> None:
    windows = [window(rate, LAW_2020, seed) for seed, rate in enumerate((0.1, 0.05, 0.016, 0.008, 0.004, 0.0035, 0.0025) * 2)]
    found = fit_lifetime(windows)
    assert found.function_idle_s is not None
    assert found.function_idle_s.mean == pytest.approx(639, abs=25)
    assert found.idle_s.mean == pytest.approx(1458, abs=120)
    assert found.maximum_age_s.quantile(0.5) == pytest.approx(LAW_2020.maximum_age_s.quantile(0.5), rel=0.12)
    assert found.origin.startswith("fitted to")


def test_a_constant_idle_limit_of_another_era_is_found_too() -> None:
    law = Lifetime(Distribution(np.linspace(315, 345, 50)), Distribution(np.array([1e9])), "made")
    found = fit_lifetime([window(rate, law, seed) for seed, rate in enumerate((0.02, 0.01, 0.005, 0.3))])
    low, high = found.idle_s.quantile(0.05), found.idle_s.quantile(0.95)
    quiet = found.function_idle_s
    assert (280 < low < high < 380) or (quiet is not None and 280 < quiet.mean < 380)


def test_a_rule_that_was_not_seen_is_the_defaults_and_the_origin_says_so() -> None:
    law = Lifetime(Distribution(np.array([1e9])), LAW_2020.maximum_age_s, "made")
    found = fit_lifetime([window(0.5, law, 1), window(0.5, law, 2)], LAW_2020)
    assert found.idle_s == LAW_2020.idle_s
    assert "not seen, the default's" in found.origin


def test_fewer_ends_than_the_defaults_error_rests_on_make_a_larger_error() -> None:
    found = fit_lifetime([window(0.05, LAW_2020, 1)], LAW_2020)
    seen = int(found.origin.split()[2])
    assert seen < 100
    assert found.cold_error == pytest.approx(LAW_2020.cold_error * np.sqrt(190 / seen))
    assert fit_lifetime([window(0.05, LAW_2020, 1)], replace(LAW_2020, cold_error=None)).cold_error is None


@pytest.mark.parametrize("windows", [[], [window(0.05, LAW_2020, 1, hours=0.5)]])
def test_too_few_ends_say_how_many_are_needed(windows: list[Window]) -> None:
    with pytest.raises(InsufficientDataError, match="20 are needed: give a window of several hours"):
        fit_lifetime(windows)
