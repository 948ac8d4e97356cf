"""Hit ratios against values computed beforehand and against the simulator; the popularity that requests were drawn from."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costmodel.errors import InputError, InsufficientDataError
from costmodel.prediction import caching
from costmodel.prediction.caching import (
    characteristic_time,
    fit_popularity,
    fixed_ttl_hit_ratio,
    limited_ttl_hit_ratio,
    lru_hit_ratio,
    mean_entries,
    reset_ttl_hit_ratio,
    with_fitted_keys,
)
from costmodel.prediction.simulator import HIT, POLICY, Arrivals, Rules, simulate
from costmodel.workload import Demand, Popularity, Workload
from loadgen.shapes import Constant

ORACLES = json.loads((Path(__file__).parent / "data" / "oracles.json").read_text(encoding="utf-8"))


def rates(case: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    weights = Popularity.zipf(case["N"], case["zipf"]).weights
    return np.asarray(case["lam"] * weights / weights.sum())


@pytest.mark.parametrize("case", ORACLES["ttl_cache"])
def test_ttl_hit_ratios_give_the_printed_digits(case: dict[str, Any]) -> None:
    assert fixed_ttl_hit_ratio(rates(case), case["ttl"]) == pytest.approx(case["hit_fixed_ttl"], abs=5e-6)
    assert reset_ttl_hit_ratio(rates(case), case["ttl"]) == pytest.approx(case["hit_reset_ttl"], abs=5e-6)


@pytest.mark.parametrize("case", ORACLES["che_lru"])
def test_ches_approximation_gives_the_printed_digits(case: dict[str, Any]) -> None:
    zipf = Popularity.zipf(case["N"], case["zipf"])
    assert characteristic_time(zipf, case["C"]) == pytest.approx(case["Tc_requests"], abs=5e-3)
    assert lru_hit_ratio(zipf, case["C"]) == pytest.approx(case["hit"], abs=5e-6)


def test_ches_approximation_is_near_an_lru_cache_that_is_played() -> None:
    zipf, capacity, rng = Popularity.zipf(500, 0.9), 50, np.random.default_rng(1)
    cache: dict[int, None] = {}
    hits = []
    for key in zipf.draw(rng, 60_000):
        hits.append(key in cache)
        cache.pop(key, None)
        cache[key] = None
        if len(cache) > capacity:
            del cache[next(iter(cache))]
    assert lru_hit_ratio(zipf, capacity) == pytest.approx(np.mean(hits[10_000:]), abs=0.01)


@pytest.mark.parametrize("ttl_s", [2.0, 10.0, 100.0, 3600.0])
@pytest.mark.parametrize("capacity", [30_000, 100_000, 400_000])
def test_a_cache_of_limited_size_hits_in_the_simulator_as_the_formula_says(
        ttl_s: float, capacity: int, rules: Callable[..., Rules]) -> None:
    """A thousand keys of 500 to 1,500 bytes, Zipf 0.9, 50 requests/s; 3 % of the largest cache is empty at first."""
    rng, n = np.random.default_rng(3), 200_000
    weights, size = Popularity.zipf(1_000, 0.9).weights, rng.integers(500, 1_500, 1_000)
    rate = 50.0 * weights / weights.sum()
    arrivals = Arrivals(np.cumsum(rng.exponential(1 / 50, n)), np.zeros(n, dtype=np.int64),
                        rng.choice(1_000, n, p=weights / weights.sum()))
    played = simulate(arrivals, rules(warm=1e-9, ttl=ttl_s)._replace(cache_bytes=capacity), seed=2, entry_bytes=size)
    hit = float((played.outcome[n // 4:] == HIT).mean())
    assert limited_ttl_hit_ratio(rate, ttl_s, size, capacity) == pytest.approx(hit, abs=0.006)


def test_a_cache_of_limited_size_is_lru_without_a_ttl_and_a_ttl_cache_when_all_fits() -> None:
    zipf = Popularity.zipf(300, 1.0)
    shares = zipf.weights / zipf.weights.sum()
    assert limited_ttl_hit_ratio(shares, float("inf"), 1.0, 30) == pytest.approx(lru_hit_ratio(zipf, 30))
    assert limited_ttl_hit_ratio(shares, 1e9, 1.0, 30) == pytest.approx(lru_hit_ratio(zipf, 30), abs=1e-6)
    assert limited_ttl_hit_ratio(shares, 500.0, 1.0, 300) == fixed_ttl_hit_ratio(shares, 500.0)


@pytest.mark.parametrize(("entry_bytes", "capacity"), [
    (0.0, 10), (float("nan"), 10), ([1.0], 10), (1.0, 0), (1.0, float("nan")), (1.0, float("inf")), (1.0, 1.9), ([1.0, 9.0], 10)])
def test_sizes_that_no_cache_has_are_refused(entry_bytes: Any, capacity: float) -> None:
    with pytest.raises(InputError, match="limited_ttl_hit_ratio"):
        limited_ttl_hit_ratio([1.0, 2.0], 10.0, entry_bytes, capacity)


@pytest.mark.parametrize("ttl_s", [-1.0, float("nan")])
def test_a_limited_cache_refuses_times_that_are_none(ttl_s: float) -> None:
    with pytest.raises(InputError, match="limited_ttl_hit_ratio: ttl_s="):
        limited_ttl_hit_ratio([1.0, 2.0, 3.0], ttl_s, 1.0, 2.0)


def test_a_cache_that_holds_everything_for_ever_always_hits() -> None:
    assert limited_ttl_hit_ratio([1.0, 2.0, 0.0], math.inf, 1.0, 2.0) == 1.0


def test_keys_that_nobody_asks_for_take_no_place() -> None:
    """A rate of 1e-320 is as good as none: the two others fit."""
    assert limited_ttl_hit_ratio([1.0, 2.0, 1e-320], 60.0, 1.0, 2.0) == pytest.approx(fixed_ttl_hit_ratio([1.0, 2.0], 60.0))


def test_many_keys_are_solved_in_parts_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rate = Popularity.zipf(50, 0.8).weights
    whole = limited_ttl_hit_ratio(rate, 40.0, 1.0, 10)
    monkeypatch.setattr(caching, "_AT_ONCE", 7)
    assert limited_ttl_hit_ratio(rate, 40.0, 1.0, 10) == pytest.approx(whole, rel=1e-12)


@given(st.floats(0.3, 1.5), st.integers(3, 200), st.integers(2, 199), st.floats(0.5, 500))
@settings(max_examples=40, deadline=None)
def test_a_larger_cache_and_a_longer_ttl_hit_more(exponent: float, keys: int, capacity: int, ttl_s: float) -> None:
    zipf, capacity = Popularity.zipf(keys, exponent), min(capacity, keys - 1)
    rate = zipf.weights / zipf.weights.sum()
    here = limited_ttl_hit_ratio(rate, ttl_s, 1.0, capacity)
    assert 0 <= here <= limited_ttl_hit_ratio(rate, ttl_s, 1.0, capacity + 1) + 1e-9
    assert here <= limited_ttl_hit_ratio(rate, ttl_s * 1.5, 1.0, capacity) + 1e-6
    assert here <= fixed_ttl_hit_ratio(rate, ttl_s) + 1e-9
    assert here <= lru_hit_ratio(zipf, capacity) + 1e-6
    if capacity + 1 < keys:
        assert lru_hit_ratio(zipf, capacity) <= lru_hit_ratio(zipf, capacity + 1) <= 1


def test_without_a_ttl_nothing_hits() -> None:
    assert fixed_ttl_hit_ratio([1.0, 2.0], 0.0) == 0.0
    assert fixed_ttl_hit_ratio([1.0, 2.0], 0.0, fetch_s=1.0) == 0.0


@pytest.mark.parametrize(("fetch_s", "invalidating"), [(0.0, 0.0), (2.0, 0.0), (5.0, 0.0), (0.0, 0.2), (0.0, 1.0)])
def test_the_simulator_hits_as_the_formula_says(fetch_s: float, invalidating: float, rules: Callable[..., Rules]) -> None:
    """Two keys of 2 and 0.3 requests a second, entries of 5 s; misses that run together, or requests that renew."""
    rng, horizon_s, rate = np.random.default_rng(4), 60_000.0, np.array([2.0, 0.3])
    n = rng.poisson(rate.sum() * horizon_s)
    arrivals = Arrivals(np.sort(rng.random(n)) * horizon_s, np.zeros(n, dtype=np.int64),
                        (rng.random(n) < rate[1] / rate.sum()).astype(np.int64))
    policy = np.zeros(1, dtype=POLICY)
    policy["invalidating"] = invalidating
    played = simulate(arrivals, rules(warm=fetch_s or 1e-9, ttl=5.0)._replace(policies=policy), seed=2)
    share = fixed_ttl_hit_ratio(rate, 5.0, fetch_s=fetch_s, invalidating=invalidating)
    assert share == pytest.approx(float((played.outcome == HIT).mean()), abs=0.006)


@given(st.lists(st.floats(0.001, 100), min_size=1, max_size=20), st.floats(0.1, 1000), st.floats(0.001, 10), st.floats(0.01, 1))
@settings(max_examples=50)
def test_waiting_for_values_and_renewing_them_only_lower_the_hit_ratio(
        rate: list[float], ttl_s: float, fetch_s: float, share: float) -> None:
    plain = fixed_ttl_hit_ratio(rate, ttl_s)
    assert 0 <= fixed_ttl_hit_ratio(rate, ttl_s, invalidating=share) <= plain + 1e-12
    slow = min(fetch_s, ttl_s)
    waited = fixed_ttl_hit_ratio(rate, ttl_s, fetch_s=slow)
    assert fixed_ttl_hit_ratio(rate, ttl_s, fetch_s=slow / 2) + 1e-12 >= waited
    assert waited <= plain + 1e-12
    assert fixed_ttl_hit_ratio(rate, ttl_s, invalidating=share / 2) + 1e-12 >= fixed_ttl_hit_ratio(rate, ttl_s, invalidating=share)
    assert plain <= fixed_ttl_hit_ratio(rate, 2 * ttl_s)
    assert reset_ttl_hit_ratio(rate, ttl_s) >= plain - 1e-12
    assert 0 < mean_entries(rate, ttl_s) <= len(rate)


@pytest.mark.parametrize("form", [fixed_ttl_hit_ratio, reset_ttl_hit_ratio, mean_entries])
@pytest.mark.parametrize(("rates", "ttl_s"), [
    ([], 1.0), ([0.0], 1.0), ([-1.0, 2.0], 1.0), ([math.inf], 1.0), ([1.0], -1.0), ([1.0], math.nan), ([1.0], math.inf),
    ([math.nan], 1.0), ([1e300], 1e300)])
def test_outside_its_range_it_refuses(form: Callable[[list[float], float], float], rates: list[float], ttl_s: float) -> None:
    with pytest.raises(InputError, match=form.__name__):
        form(rates, ttl_s)


def test_both_at_a_time_are_refused() -> None:
    with pytest.raises(InputError, match="one of them"):
        fixed_ttl_hit_ratio([1.0], 10.0, fetch_s=1.0, invalidating=0.1)


def test_values_that_take_longer_than_they_live_are_refused() -> None:
    """At 5 requests/s, a TTL of 1 ms and 2 s to fetch, one request in 200 hits: the formula would say 45 %."""
    with pytest.raises(InputError, match=r"fetch_s=2\.0 is longer than ttl_s=0\.001"):
        fixed_ttl_hit_ratio([5.0], 0.001, fetch_s=2.0)


@pytest.mark.parametrize("capacity", [0, 0.5, 1, 10, 11, math.nan])
def test_a_cache_that_drops_nothing_or_everything_is_refused(capacity: float) -> None:
    with pytest.raises(InputError, match="lru: capacity"):
        lru_hit_ratio(Popularity.zipf(10), capacity)


@pytest.mark.parametrize(("keys", "exponent", "requests"), [(100, 1.0, 5_000), (5_000, 0.8, 20_000), (200_000, 1.1, 30_000)])
def test_the_popularity_that_requests_were_drawn_from_is_found(keys: int, exponent: float, requests: int) -> None:
    """Most of the 200,000 keys were never asked for."""
    fitted = fit_popularity(Popularity.zipf(keys, exponent).draw(np.random.default_rng(6), requests))
    assert fitted.exponent == pytest.approx(exponent, abs=0.05)
    assert fitted.keys == pytest.approx(keys, rel=0.15)


@pytest.mark.parametrize(("keys", "exponent"), [(3, 0.8), (10, 1.0), (100, 0.6), (100, 1.2), (1_000, 0.0)])
def test_a_small_sample_of_a_zipf_law_is_not_taken_for_something_else(keys: int, exponent: float) -> None:
    """Of 150 requests chance alone bends the cumulated shares by 10 %."""
    for seed in range(10):
        fitted = fit_popularity(Popularity.zipf(keys, exponent).draw(np.random.default_rng([seed, 5]), 150))
        assert fitted.exponent is not None


@pytest.mark.parametrize(("keys", "exponent", "requests"), [(100, 1.2, 1_000), (1_000, 0.8, 300), (1_000, 0.0, 1_000)])
def test_nine_intervals_of_ten_hold_the_law_that_requests_were_drawn_from(keys: int, exponent: float, requests: int) -> None:
    """Of 20 intervals of 90 %, fewer than 15 hold in one case of a hundred."""
    exponents = numbers = 0
    for seed in range(20):
        fitted = fit_popularity(Popularity.zipf(keys, exponent).draw(np.random.default_rng([seed, keys]), requests))
        assert fitted.exponent_interval is not None
        assert fitted.keys_interval is not None
        exponents += fitted.exponent_interval[0] <= exponent <= fitted.exponent_interval[1]
        numbers += fitted.keys_interval[0] <= keys <= fitted.keys_interval[1]
    assert exponents >= 15
    assert numbers >= 15


def test_what_no_zipf_law_fits_is_taken_as_seen_with_the_keys_that_must_exist() -> None:
    """Half of the requests ask for one key, the other half for two thousand alike: 800 of them were seen."""
    rng = np.random.default_rng(2)
    keys = np.concatenate([np.zeros(1000, dtype=np.int64), rng.integers(1, 2000, 1000)])
    fitted = fit_popularity(keys)
    assert fitted.exponent is None
    assert fitted.exponent_interval is None
    assert fitted.keys == fitted.popularity.weights.size == pytest.approx(2000, rel=0.1)
    assert fitted.popularity.weights.max() / fitted.popularity.weights.sum() == pytest.approx(0.5, abs=0.02)
    true_unseen = 0.5 * (1 - (np.unique(keys).size - 1) / 1999)
    assert fitted.unseen == pytest.approx(true_unseen, abs=0.03)
    rates, truth = fitted.popularity.weights / fitted.popularity.weights.sum(), np.append(1000.0, np.full(1999, 0.5)) / 2000
    assert fixed_ttl_hit_ratio(rates, 10_000) == pytest.approx(fixed_ttl_hit_ratio(truth, 10_000), abs=0.03)


def test_keys_may_be_hashes_and_one_key_is_enough() -> None:
    assert fit_popularity(["f00"] * 200).keys == 1


def test_too_few_requests_are_refused() -> None:
    with pytest.raises(InsufficientDataError, match="99 requests with a cache key: at least 100"):
        fit_popularity([1] * 99)


def test_keys_that_never_come_twice_tell_nothing() -> None:
    with pytest.raises(InsufficientDataError, match="500 requests, no cache key came twice"):
        fit_popularity(range(500))


@pytest.mark.parametrize(("keys", "what"), [
    ([1.0, math.nan] * 100, "100 of 200 keys are missing"), (["a", None] * 100, "100 of 200 keys are missing"),
    (np.ones((100, 2)), "keys of shape")])
def test_keys_that_are_none_are_refused(keys: Any, what: str) -> None:
    with pytest.raises(InputError, match=what):
        fit_popularity(keys)


def test_a_month_of_a_short_run_asks_for_keys_that_the_run_did_not() -> None:
    """20 requests/s for 5 minutes, Zipf 0.8 of 100,000 keys: repeated as they were, all would be cached for an hour."""
    zipf, n, ttl_s = Popularity.zipf(100_000, 0.8), 6_000, 3_600.0
    keys = zipf.draw(np.random.default_rng(1), n)
    run = Workload({"GET /item": Demand(np.linspace(0, 300, n), keys=keys), "GET /other": Demand(Constant(1.0, 300.0))}, 300.0)
    month = with_fitted_keys(run, ["GET /item", "GET /other"])
    fitted = month.demands["GET /item"].keys
    assert isinstance(fitted, Popularity)
    truth = fixed_ttl_hit_ratio(20 * zipf.weights / zipf.weights.sum(), ttl_s)
    assert fixed_ttl_hit_ratio(20 * fitted.weights / fitted.weights.sum(), ttl_s) == pytest.approx(truth, abs=0.02)
    assert month.demands["GET /other"] is run.demands["GET /other"]
    assert len(month.notes) == 1
    assert "GET /item: its cache keys are drawn from" in month.notes[0]
    assert "exponent 0." in month.notes[0]


def test_what_cannot_be_fitted_is_said_with_the_triggers_name_and_one_key_is_one_key() -> None:
    times = np.arange(200.0)
    with pytest.raises(InsufficientDataError, match="GET /item: popularity: 200 requests, no cache key came twice"):
        with_fitted_keys(Workload({"GET /item": Demand(times, keys=np.arange(200))}, 200.0), ["GET /item"])
    one = with_fitted_keys(Workload({"GET /item": Demand(times[:5], keys=np.zeros(5, np.int64))}, 200.0), ["GET /item"])
    assert isinstance(one.demands["GET /item"].keys, np.ndarray)
    assert "one cache key" in one.notes[0]
