from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from costmodel.errors import InputError, InsufficientDataError
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


def test_an_end_is_bracketed_over_thousands_of_requests_to_another() -> None:
    start_s = np.concatenate([[0.0, 0.5], np.arange(2.0, 4002.0), [5000.0]])
    seen = ends_of(Window(start_s, np.full(start_s.size, 0.8), np.array([0, 1, *[1] * 4000, 2])))
    assert list(seen.seen) == [1.0, 1.0, 0.0]
    assert (seen.until_s[0], seen.idle_s[0]) == (5000.0, 4999.2)


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


def test_what_idles_while_others_work_is_found_to_go_before_its_limit() -> None:
    all_stay = replace(LAW_2020, idle_s=Distribution(np.linspace(1370, 1545, 100)))
    early, none = (float((fit_lifetime([window(0.1, law, seed) for seed in range(4)], LAW_2020).idle_s.quantiles < 1200).mean())
                   for law in (LAW_2020, all_stay))
    assert none < 0.05
    assert 0.06 < early < 0.25


def test_a_constant_idle_limit_of_another_era_is_found_too() -> None:
    law = Lifetime(Distribution(np.linspace(315, 345, 50)), Distribution(np.array([1e9])), "made")
    found = fit_lifetime([window(rate, law, seed) for seed, rate in enumerate((0.02, 0.01, 0.005, 0.3))])
    low, high = found.idle_s.quantile(0.05), found.idle_s.quantile(0.95)
    quiet = found.function_idle_s
    assert (280 < low < high < 380) or (quiet is not None and 280 < quiet.mean < 380)


def test_a_rule_that_was_not_seen_is_the_defaults_and_the_origin_says_so() -> None:
    found = fit_lifetime([window(0.5, LAW_2020, 1)], LAW_2020)
    assert found.function_idle_s == LAW_2020.function_idle_s
    assert "pause of the function: not seen, the default's" in found.origin


def test_a_default_that_environments_outlived_does_not_stand_in() -> None:
    """At 0.004/s pauses of the function end environments; the idle limit of 2025, 6 min, would end them long before."""
    found = fit_lifetime([window(0.004, LAW_2020, 1)])
    assert found.function_idle_s is not None and found.function_idle_s.mean == pytest.approx(639, abs=40)
    assert found.idle_s == LAW_2020.idle_s
    assert "idle limit: not seen, that of 2020-04-01, as environments outlived the default's" in found.origin


def test_where_environments_outlived_every_default_no_limit_is_assumed() -> None:
    law = Lifetime(Distribution(np.array([1e9])), LAW_2020.maximum_age_s, "made")
    found = fit_lifetime([window(0.03, law, 1), window(0.002, law, 2)], LAW_2020)
    assert found.function_idle_s is None
    assert found.idle_s.quantiles[0] >= found.maximum_age_s.quantiles[-1]
    assert "pause of the function and idle limit: not seen, none assumed" in found.origin


def test_ages_that_no_environment_reached_go_by_the_defaults_hazard() -> None:
    """A request every hour, each in a new environment: nothing shows how long one in use would live."""
    alone = Window(np.linspace(0.0, 99 * 3600.0, 100), np.full(100, 0.1), np.arange(100))
    found = fit_lifetime([alone], LAW_2020).maximum_age_s
    assert [found.quantile(q) for q in (0.1, 0.25, 0.5, 0.9)] == pytest.approx(
        [LAW_2020.maximum_age_s.quantile(q) for q in (0.1, 0.25, 0.5, 0.9)], rel=0.05)


def test_a_limit_that_either_rule_explains_is_the_environments_unless_the_default_has_the_functions() -> None:
    law = Lifetime(Distribution(np.linspace(315, 345, 50)), LAW_2020.maximum_age_s, "made")
    alone = window(0.003, law, 1)
    assert fit_lifetime([alone]).function_idle_s is None
    assert fit_lifetime([alone]).idle_s.mean == pytest.approx(330, abs=15)
    ruled = fit_lifetime([alone], LAW_2020).function_idle_s
    assert ruled is not None and ruled.mean == pytest.approx(330, abs=15)


def test_a_limit_is_found_where_one_invocation_in_twenty_left_no_record() -> None:
    law = Lifetime(Distribution(np.linspace(315, 345, 50)), LAW_2020.maximum_age_s, "made")
    whole = window(0.004, law, 1)
    kept = np.random.default_rng(2).random(whole.start_s.size) > 0.05
    found = fit_lifetime([Window(whole.start_s[kept], whole.busy_s[kept], whole.environment[kept])])
    assert 290 < found.idle_s.quantiles[0] < found.idle_s.quantiles[-1] < 380


def test_an_empty_window_shows_nothing() -> None:
    empty = Window(np.zeros(0), np.zeros(0), np.zeros(0, dtype=np.int64))
    seen = [window(0.05, LAW_2020, 1)]
    assert fit_lifetime([empty, *seen], LAW_2020) == fit_lifetime(seen, LAW_2020)
    with pytest.raises(InsufficientDataError, match="0 environments were seen to go"):
        fit_lifetime([empty])


@pytest.mark.parametrize(("start_s", "busy_s", "said"), [
    ([0.0, 2.0, 1.0], [1.0, 1.0, 1.0], "start_s does not ascend: sort"),
    ([0.0, np.nan, 2.0], [1.0, 1.0, 1.0], "start_s holds nan"),
    ([0.0, 1.0, 2.0], [1.0, np.inf, 1.0], "busy_s holds inf"),
    ([0.0, 1.0, 2.0], [1.0, -3.0, 1.0], "busy_s holds -3"),
    ([0.0, 1.0, 2.0], [1.0], "3 starts, 1 busy times and 3 environments"),
])
def test_a_window_that_is_not_in_order_is_refused(start_s: list[float], busy_s: list[float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        ends_of(Window(np.array(start_s), np.array(busy_s), np.arange(3)))


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
