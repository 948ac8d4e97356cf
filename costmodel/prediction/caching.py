"""Hit ratios of a cache in closed form, each with the range in which it holds, and a popularity fitted from requests.

Requests for key i are Poisson and independent, rate a_i [1/s]; p_i is its share of all requests.

    fixed TTL            hit = sum p_i a_i T / (1 + a_i T)      an entry lives T after it was fetched: API Gateway's cache
      fetching takes d   misses run together: a_i T becomes a_i (T + d) - (1 - exp(-a_i d)), 1 becomes 1 + a_i d
      a share q renews   a_i T becomes (1 - q) (1 - exp(-q a_i T)) / q
    TTL from last use    hit = sum p_i (1 - exp(-a_i T))
    LRU of C entries     the same in requests, with T solving sum (1 - exp(-p_i T)) = C
    fixed TTL, C bytes   hit = sum p_i (1 - 1 / N_i(T)), entries of s_i bytes, L solving sum s_i (1 - exp(-a_i L)) = C
                         N(t) = 1 + a t up to L, then dN/dt = a - a exp(-a L) N(t - L)

LRU is Che's approximation (Che, Tung, Wang, "Hierarchical Web Caching Systems", IEEE JSAC 2002). TTLs: Jung, Berger,
Balakrishnan, "Modeling TTL-based Internet Caches", INFOCOM 2003. The lines with d and q are renewal arguments, and so is
the last: an entry that is no longer fresh keeps its place until it is the least recently used one, hence what is held are
the keys asked for within L; N is how many requests a fetched value is expected to serve, the first one included, before a
gap longer than L or the TTL ends it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError, InsufficientDataError
from costmodel.workload import Popularity

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_REQUESTS = 100
"""Requests that a popularity can be fitted from."""
MOST_KEYS = 10_000_000
MOST_EXPONENT = 3.0
FITS = 0.05
"""The largest gap between the cumulated shares of the requests, fitted and seen, with which Zipf's law is taken."""
_EXACT_RANKS = 1_000
_STEPS, _TURNS, _SETTLED_LOG, _TINY = 20, 20.0, 500.0, 1e-300
_NEVER = 40.0
"""Requests for a key, expected, within which it is asked for as good as surely."""


def fixed_ttl_hit_ratio(rates: npt.ArrayLike, ttl_s: float, *, fetch_s: float = 0.0, invalidating: float = 0.0) -> float:
    """Share of requests answered by a cache that keeps each entry for `ttl_s` after it was fetched.

    `rates`: requests per second of each key, shape (keys,). `fetch_s`: how long a value takes to come, always the same;
    until then every request for its key misses too. `invalidating`: share of the requests that pass the cache by and
    renew the entry (a client's `Cache-Control: max-age=0`). Holds where the cache is large enough for all keys, and for
    one of the two at a time. Raises InputError outside.
    """
    rate = _rates("fixed_ttl_hit_ratio", rates)
    if not (0 <= ttl_s < math.inf and 0 <= fetch_s < math.inf and 0 <= invalidating <= 1):
        raise InputError(f"fixed_ttl_hit_ratio: ttl_s={ttl_s}, fetch_s={fetch_s}, invalidating={invalidating}: give finite "
                         "times >= 0 and a share of 0 to 1")
    if fetch_s and invalidating:
        raise InputError(f"fixed_ttl_hit_ratio: fetch_s={fetch_s} and invalidating={invalidating}: it holds for one of them "
                         "at a time: simulate both")
    hits, misses = rate * ttl_s, np.ones_like(rate)
    if not ttl_s:
        return 0.0
    if fetch_s:
        hits, misses = rate * (ttl_s + fetch_s) + np.expm1(-rate * fetch_s), 1 + rate * fetch_s
    elif invalidating:
        hits = (1 - invalidating) * -np.expm1(-invalidating * rate * ttl_s) / invalidating
    return float((rate * hits / (misses + hits)).sum() / rate.sum())


def reset_ttl_hit_ratio(rates: npt.ArrayLike, ttl_s: float) -> float:
    """Share of requests answered by a cache whose entries live `ttl_s` after they were asked for last."""
    rate = _rates("reset_ttl_hit_ratio", rates)
    _check_ttl("reset_ttl_hit_ratio", ttl_s)
    return float((rate * -np.expm1(-rate * ttl_s)).sum() / rate.sum())


def mean_entries(rates: npt.ArrayLike, ttl_s: float) -> float:
    """Mean number of entries that a cache with a fixed TTL holds: what its capacity must be for them all."""
    rate = _rates("mean_entries", rates)
    _check_ttl("mean_entries", ttl_s)
    return float((rate * ttl_s / (1 + rate * ttl_s)).sum())


def lru_hit_ratio(popularity: Popularity, capacity: float) -> float:
    """Share of requests answered by a cache of `capacity` entries of one size that drops the least recently used."""
    time = characteristic_time(popularity, capacity)
    shares = _shares(popularity)
    return float((shares * -np.expm1(-shares * time)).sum())


def characteristic_time(popularity: Popularity, capacity: float) -> float:
    """After how many requests an entry that nobody asks for is dropped. Holds for a capacity below the keys."""
    shares = _shares(popularity)
    if not 0 < capacity < shares.size:
        raise InputError(f"lru: capacity={capacity}, {shares.size} keys: give more than 0 and fewer entries than keys: else "
                         "nothing is dropped")

    return _dropped_after(shares, np.ones_like(shares), capacity)


def limited_ttl_hit_ratio(rates: npt.ArrayLike, ttl_s: float, entry_bytes: npt.ArrayLike, capacity_bytes: float) -> float:
    """Share of requests answered by a cache of `capacity_bytes` that keeps each entry for `ttl_s` after it was fetched and
    drops the least recently used: API Gateway's, whose size is limited.

    `rates` [1/s] and `entry_bytes` by key. Holds for values that come at once, and for many keys, none of which fills a
    large part of the cache. Raises InputError outside.
    """
    rate, size = _rates("limited_ttl_hit_ratio", rates), np.asarray(entry_bytes, np.float64)
    if size.shape not in ((), rate.shape) or not ((size > 0) & (size < math.inf)).all() or not 0 < capacity_bytes < math.inf:
        raise InputError(f"limited_ttl_hit_ratio: {size.size} entry_bytes, capacity_bytes={capacity_bytes}: give a size above 0 "
                         f"for each of {rate.size} keys, and a capacity above 0")
    asked, size = rate[rate > 0], np.broadcast_to(size, rate.shape)[rate > 0]
    unused_s = _dropped_after(asked, size, capacity_bytes)
    if ttl_s <= unused_s:
        return fixed_ttl_hit_ratio(rate, ttl_s)
    if not ttl_s < math.inf:
        return reset_ttl_hit_ratio(asked, unused_s)
    return float((asked * (1 - 1 / _requests_served(asked, ttl_s, unused_s))).sum() / asked.sum())


def _dropped_after(rate: Floats, size: Floats, capacity: float) -> float:
    """How long an entry that nobody asks for stays, in the unit of 1 / rate; infinite where all fit."""
    from scipy.optimize import brentq

    if size.sum() <= capacity:
        return math.inf

    def lacking(log_time: float) -> float:
        return float((size * -np.expm1(-rate * math.exp(log_time))).sum()) - capacity

    shortest = math.log(capacity / (rate * size).sum()) - 1
    return math.exp(brentq(lacking, shortest, math.log(_NEVER / rate.min()) + math.log(2), xtol=1e-12))


def _requests_served(rate: Floats, ttl_s: float, unused_s: float) -> Floats:
    """N(ttl): the delay equation in steps of at most 1/_STEPS of the delay; beyond _TURNS delays what is left until it
    settles, at exp(a L), shrinks at a constant rate."""
    settled = np.exp(np.minimum(rate * unused_s, _SETTLED_LOG))
    if ttl_s > _TURNS * unused_s:
        within = _requests_served(rate, _TURNS * unused_s, unused_s)
        before = _requests_served(rate, (_TURNS - 1) * unused_s, unused_s)
        left, step = np.maximum(settled - within, 0.0), np.maximum(within - before, 0.0)
        decay = np.where(left > 0, step / np.maximum(left, _TINY), 0.0)
        return np.asarray(within - left * np.expm1(-decay * (ttl_s / unused_s - _TURNS)))
    steps = math.ceil(_STEPS * ttl_s / unused_s)
    step_s, delay = ttl_s / steps, unused_s * steps / ttl_s
    served, dropped = np.empty((steps + 1, rate.size)), rate * np.exp(-rate * unused_s)
    served[0] = 1.0
    for number in range(steps):
        middle = number + 0.5 - delay
        if middle < 0:
            served[number + 1] = served[number] + rate * step_s
            continue
        low, part = int(middle), middle - int(middle)
        earlier = (1 - part) * served[low] + part * served[low + 1]
        served[number + 1] = served[number] + step_s * (rate - dropped * earlier)
    return np.asarray(served[-1])


def _rates(of: str, rates: npt.ArrayLike) -> Floats:
    rate = np.asarray(rates, dtype=np.float64)
    if rate.ndim != 1 or not rate.size or not (rate >= 0).all() or not 0 < rate.sum() < math.inf:
        raise InputError(f"{of}: {rate.size} rates: give one or more, finite, none below 0, one above 0")
    return rate


def _check_ttl(of: str, ttl_s: float) -> None:
    if not 0 <= ttl_s < math.inf:
        raise InputError(f"{of}: ttl_s={ttl_s}: give a finite time >= 0")


def _shares(popularity: Popularity) -> Floats:
    asked = popularity.weights[popularity.weights > 0]
    return np.asarray(asked / asked.sum())


@dataclass(frozen=True)
class FittedPopularity:
    """What the requests' keys say. `keys` and `exponent` of Zipf's law; None: the shares as they were seen."""

    popularity: Popularity
    keys: int
    exponent: float | None
    gap: float
    """Largest gap between cumulated shares, fitted and seen; of Zipf's law, also where it was not taken."""


def fit_popularity(keys: npt.ArrayLike) -> FittedPopularity:
    """How often each key is asked for, from the keys of the requests (numbers or hashes, shape (requests,)).

    Zipf's law over N keys is fitted by two figures that need no ranking: the number of different keys seen, and the
    chance that two requests have the same key, sum p_i^2. Where it does not fit, the shares as seen are taken: keys that
    were not asked for then do not exist. Raises InsufficientDataError below 100 requests.
    """
    counts = np.sort(np.unique(np.asarray(keys), return_counts=True)[1])[::-1].astype(np.float64)
    n = float(counts.sum())
    if n < LEAST_REQUESTS:
        raise InsufficientDataError(f"popularity: {n:.0f} requests with a cache key: at least {LEAST_REQUESTS} are needed")
    seen = FittedPopularity(Popularity(counts), counts.size, None, math.nan)
    exponent = _zipf_exponent(counts)
    if exponent is None:
        return seen
    number = _zipf_keys(exponent, counts.size, n)
    zipf = Popularity.zipf(number, exponent)
    gap = _gap(zipf, counts)
    return FittedPopularity(zipf, number, exponent, gap) if gap <= FITS else FittedPopularity(seen.popularity, counts.size, None, gap)


def _zipf_exponent(counts: Floats) -> float | None:
    """The exponent with which two requests meet as often as they did; None: there is none."""
    from scipy.optimize import brentq

    n = counts.sum()
    meet = float((counts * (counts - 1)).sum() / (n * (n - 1)))

    def too_often(exponent: float) -> float:
        ranks, width = _ranks(_zipf_keys(exponent, counts.size, n))
        weights = ranks**-exponent
        total = (weights * width).sum()
        return float((weights**2 * width).sum() / total**2) - meet

    if too_often(0.0) > 0 or too_often(MOST_EXPONENT) < 0:
        return 0.0 if meet and abs(too_often(0.0)) < 0.2 * meet else None
    return float(brentq(too_often, 0.0, MOST_EXPONENT, xtol=1e-4))


def _zipf_keys(exponent: float, different: int, n: float) -> int:
    """How many keys there must be for `different` of them to be expected among n requests."""

    def expected(keys: int) -> float:
        ranks, width = _ranks(keys)
        weights = ranks**-exponent
        return float((-np.expm1(-n * weights / (weights * width).sum()) * width).sum())

    return _smallest(lambda keys: expected(keys) >= different - 0.5, different, MOST_KEYS)


def _smallest(enough: Callable[[int], bool], low: int, high: int) -> int:
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return low


def _ranks(keys: int) -> tuple[Floats, Floats]:
    """Ranks 1 to keys and how many each stands for: one at first, then ever more."""
    first = np.arange(1.0, min(keys, _EXACT_RANKS) + 1)
    if keys <= _EXACT_RANKS:
        return first, np.ones_like(first)
    edges = np.geomspace(_EXACT_RANKS + 0.5, keys + 0.5, 1_000)
    return np.concatenate([first, np.sqrt(edges[1:] * edges[:-1])]), np.concatenate([np.ones_like(first), np.diff(edges)])


def _gap(zipf: Popularity, counts: Floats) -> float:
    """Between the cumulated shares of the keys, most popular first: as seen, and as as many draws of the law would be
    seen on average over a few."""
    rng, n = np.random.default_rng(0), int(counts.sum())
    drawn = np.zeros(counts.size)
    for _ in range(5):
        found = np.sort(np.bincount(zipf.draw(rng, n)))[::-1][:counts.size]
        drawn[:found.size] += found / (5 * n)
    return float(np.abs(np.cumsum(drawn) - np.cumsum(counts) / n).max())
