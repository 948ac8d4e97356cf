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
from costmodel.prediction.caching import (
    characteristic_time,
    fit_popularity,
    fixed_ttl_hit_ratio,
    limited_ttl_hit_ratio,
    lru_hit_ratio,
    mean_entries,
    reset_ttl_hit_ratio,
)
from costmodel.prediction.simulator import HIT, POLICY, Arrivals, Rules, simulate
from costmodel.workload import Popularity

ORACLES = json.loads((Path(__file__).parent / "data" / "oracles.json").read_text(encoding="utf-8"))


def rates(case: dict[str, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
    weights = Popularity.zipf(case["N"], case["zipf"]).weights
    return case["lam"] * weights / weights.sum()


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
    (0.0, 10), (float("nan"), 10), ([1.0], 10), (1.0, 0), (1.0, float("nan")), (1.0, float("inf"))])
def test_sizes_that_no_cache_has_are_refused(entry_bytes: Any, capacity: float) -> None:
    with pytest.raises(InputError, match="limited_ttl_hit_ratio"):
        limited_ttl_hit_ratio([1.0, 2.0], 10.0, entry_bytes, capacity)


def test_without_a_ttl_nothing_hits() -> None:
    assert fixed_ttl_hit_ratio([1.0, 2.0], 0.0) == 0.0
    assert fixed_ttl_hit_ratio([1.0, 2.0], 0.0, fetch_s=1.0) == 0.0


@pytest.mark.parametrize(("fetch_s", "invalidating"), [(0.0, 0.0), (2.0, 0.0), (0.0, 0.2)])
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
    assert fixed_ttl_hit_ratio(rate, ttl_s, fetch_s=min(fetch_s, ttl_s / 10)) <= plain + 1e-12
    assert reset_ttl_hit_ratio(rate, ttl_s) >= plain - 1e-12
    assert 0 < mean_entries(rate, ttl_s) <= len(rate)


@pytest.mark.parametrize("form", [fixed_ttl_hit_ratio, reset_ttl_hit_ratio, mean_entries])
@pytest.mark.parametrize(("rates", "ttl_s"), [
    ([], 1.0), ([0.0], 1.0), ([-1.0, 2.0], 1.0), ([math.inf], 1.0), ([1.0], -1.0), ([1.0], math.nan), ([1.0], math.inf)])
def test_outside_its_range_it_refuses(form: Callable[[list[float], float], float], rates: list[float], ttl_s: float) -> None:
    with pytest.raises(InputError, match=form.__name__):
        form(rates, ttl_s)


def test_both_at_a_time_are_refused() -> None:
    with pytest.raises(InputError, match="one of them"):
        fixed_ttl_hit_ratio([1.0], 10.0, fetch_s=1.0, invalidating=0.1)


@pytest.mark.parametrize("capacity", [0, 10, 11])
def test_a_cache_that_drops_nothing_or_everything_is_refused(capacity: int) -> None:
    with pytest.raises(InputError, match="lru: capacity"):
        lru_hit_ratio(Popularity.zipf(10), capacity)


@pytest.mark.parametrize(("keys", "exponent", "requests"), [(100, 1.0, 5_000), (5_000, 0.8, 20_000), (200_000, 1.1, 30_000)])
def test_the_popularity_that_requests_were_drawn_from_is_found(keys: int, exponent: float, requests: int) -> None:
    """Most of the 200,000 keys were never asked for."""
    fitted = fit_popularity(Popularity.zipf(keys, exponent).draw(np.random.default_rng(6), requests))
    assert fitted.exponent == pytest.approx(exponent, abs=0.05)
    assert fitted.keys == pytest.approx(keys, rel=0.15)


def test_what_no_zipf_law_fits_is_taken_as_seen() -> None:
    """Half of the requests ask for one key, the other half for two thousand alike."""
    rng = np.random.default_rng(2)
    keys = np.concatenate([np.zeros(1000, dtype=np.int64), rng.integers(1, 2000, 1000)])
    fitted = fit_popularity(keys)
    assert fitted.exponent is None
    assert fitted.popularity.weights.size == np.unique(keys).size
    assert fitted.popularity.weights.max() == 1000


def test_keys_may_be_hashes_and_one_key_is_enough() -> None:
    assert fit_popularity(["f00"] * 200).keys == 1


def test_too_few_requests_are_refused() -> None:
    with pytest.raises(InsufficientDataError, match="99 requests with a cache key: at least 100"):
        fit_popularity([1] * 99)
