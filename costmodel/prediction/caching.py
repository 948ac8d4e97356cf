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

A popularity that is fitted counts keys that nobody has asked for yet: Zipf's law by its own number of keys, else as many as
Chao estimates ("Nonparametric Estimation of the Number of Classes in a Population", Scandinavian Journal of Statistics 1984)
from how many keys came once and twice. The share of requests that is for them is Good and Turing's ("The Population
Frequencies of Species", Biometrika 1953).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError, InsufficientDataError
from costmodel.workload import Demand, Popularity, Workload

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LEAST_REQUESTS = 100
"""Requests that a popularity can be fitted from."""
MOST_KEYS = 10_000_000
MOST_EXPONENT = 3.0
FITS, FITS_BY_CHANCE = 0.05, 1.36
"""The largest gap between the cumulated shares of the requests, fitted and seen, with which Zipf's law is taken: the first,
or the second over the root of the number of requests (one sample in twenty of the law itself is further off)."""
LEAST_ENTRIES = 2
"""That must fit into a cache of limited size: with fewer, what is held depends on single requests."""
LEVEL = 0.9
_EXACT_RANKS = 1_000
_STEPS, _TURNS, _SETTLED_LOG, _TINY = 20, 20.0, 500.0, 1e-300
_NEVER = 40.0
"""Requests for a key, expected, within which it is asked for as good as surely."""
_NOBODY = 1e-100
"""A key that is asked for by a smaller share of all requests is not asked for."""
_RARE = 5
"""Requests for a key, at most, that say little of its share (Katz 1987)."""
_FEWER = 3.0
"""By how many standard errors pairs of requests with one key may be fewer than expected."""
_AT_ONCE = 2_000
"""Keys whose delay equations are solved together: bounds the memory."""


def fixed_ttl_hit_ratio(rates: npt.ArrayLike, ttl_s: float, *, fetch_s: float = 0.0, invalidating: float = 0.0) -> float:
    """Share of requests answered by a cache that keeps each entry for `ttl_s` after it was fetched.

    `rates`: requests per second of each key, shape (keys,). `fetch_s`: how long a value takes to come, always the same;
    until then every request for its key misses too, and renews the entry when its own value comes. `invalidating`: share of
    the requests that pass the cache by and renew the entry (a client's `Cache-Control: max-age=0`). Holds where the cache is
    large enough for all keys, for one of the two at a time, and for values that come within `ttl_s`. Raises InputError
    outside.
    """
    rate = _rates("fixed_ttl_hit_ratio", rates)
    if not (0 <= ttl_s < math.inf and 0 <= fetch_s < math.inf and 0 <= invalidating <= 1 and _countable(rate, ttl_s + fetch_s)):
        raise InputError(f"fixed_ttl_hit_ratio: ttl_s={ttl_s}, fetch_s={fetch_s}, invalidating={invalidating}: give finite "
                         "times >= 0 and a share of 0 to 1")
    if 0 < ttl_s < fetch_s:
        raise InputError(f"fixed_ttl_hit_ratio: fetch_s={fetch_s} is longer than ttl_s={ttl_s}: entries end before others "
                         "that were asked for meanwhile come: simulate it")
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
    _check_ttl("reset_ttl_hit_ratio", ttl_s, rate)
    return float((rate * -np.expm1(-rate * ttl_s)).sum() / rate.sum())


def mean_entries(rates: npt.ArrayLike, ttl_s: float) -> float:
    """Mean number of entries that a cache with a fixed TTL holds: what its capacity must be for them all."""
    rate = _rates("mean_entries", rates)
    _check_ttl("mean_entries", ttl_s, rate)
    return float((rate * ttl_s / (1 + rate * ttl_s)).sum())


def lru_hit_ratio(popularity: Popularity, capacity: float) -> float:
    """Share of requests answered by a cache of `capacity` entries of one size that drops the least recently used."""
    time = characteristic_time(popularity, capacity)
    shares = _shares(popularity)
    return float((shares * -np.expm1(-shares * time)).sum())


def characteristic_time(popularity: Popularity, capacity: float) -> float:
    """After how many requests an entry that nobody asks for is dropped. Holds for a capacity of two entries or more, below
    the number of keys."""
    shares = _shares(popularity)
    if not LEAST_ENTRIES <= capacity < shares.size:
        raise InputError(f"lru: capacity={capacity}, {shares.size} keys: give {LEAST_ENTRIES} entries or more, and fewer than "
                         "keys: else nothing is dropped, and whatever was asked for before hits")

    return _dropped_after(shares, np.ones_like(shares), capacity)


def limited_ttl_hit_ratio(rates: npt.ArrayLike, ttl_s: float, entry_bytes: npt.ArrayLike, capacity_bytes: float) -> float:
    """Share of requests answered by a cache of `capacity_bytes` that keeps each entry for `ttl_s` after it was fetched and
    drops the least recently used: API Gateway's, whose size is limited.

    `rates` [1/s] and `entry_bytes` by key; `ttl_s` may be infinite. Holds for values that come at once, and for entries of
    which the largest fills at most half of the cache. Raises InputError outside.
    """
    rate, size = _rates("limited_ttl_hit_ratio", rates), np.asarray(entry_bytes, np.float64)
    if size.shape not in ((), rate.shape) or not ((size > 0) & (size < math.inf)).all() or not 0 < capacity_bytes < math.inf:
        raise InputError(f"limited_ttl_hit_ratio: {size.size} entry_bytes, capacity_bytes={capacity_bytes}: give a size above 0 "
                         f"for each of {rate.size} keys, and a capacity above 0")
    if not ttl_s >= 0:
        raise InputError(f"limited_ttl_hit_ratio: ttl_s={ttl_s}: give a time >= 0")
    wanted = rate > rate.sum() * _NOBODY
    asked, size = rate[wanted], np.broadcast_to(size, rate.shape)[wanted]
    if size.max() * LEAST_ENTRIES > capacity_bytes:
        raise InputError(f"limited_ttl_hit_ratio: an entry of {size.max():.15g} bytes, capacity_bytes={capacity_bytes:.15g}: it holds "
                         "for entries of at most half of the cache: simulate it")
    unused_s = _dropped_after(asked, size, capacity_bytes)
    if ttl_s == math.inf:
        return 1.0 if unused_s == math.inf else reset_ttl_hit_ratio(asked, unused_s)
    if ttl_s <= unused_s:
        return fixed_ttl_hit_ratio(rate, ttl_s)
    parts = np.split(asked, range(_AT_ONCE, asked.size, _AT_ONCE))
    served = np.concatenate([_requests_served(part, ttl_s, unused_s) for part in parts])
    return float((asked * (1 - 1 / served)).sum() / asked.sum())


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
    """N(ttl): the delay equation in steps of 1/_STEPS of the delay; beyond _TURNS delays what is left until it settles, at
    exp(a L), shrinks at a constant rate."""
    settled = np.exp(np.minimum(rate * unused_s, _SETTLED_LOG))
    if ttl_s > _TURNS * unused_s:
        within = _requests_served(rate, _TURNS * unused_s, unused_s)
        before = _requests_served(rate, (_TURNS - 1) * unused_s, unused_s)
        left, step = np.maximum(settled - within, 0.0), np.maximum(within - before, 0.0)
        decay = np.where(left > 0, step / np.maximum(left, _TINY), 0.0)
        return np.asarray(within - left * np.expm1(-decay * (ttl_s / unused_s - _TURNS)))
    step_s, steps = unused_s / _STEPS, math.ceil(_STEPS * ttl_s / unused_s)
    served, dropped = np.empty((steps + 1, rate.size)), rate * np.exp(-rate * unused_s)
    served[0] = 1.0
    for number in range(steps):
        earlier = 0.0 if number < _STEPS else (served[number - _STEPS] + served[number - _STEPS + 1]) / 2
        served[number + 1] = served[number] + step_s * (rate - dropped * earlier)
    beyond = steps - ttl_s / step_s
    return np.asarray(beyond * served[-2] + (1 - beyond) * served[-1])


def _rates(of: str, rates: npt.ArrayLike) -> Floats:
    rate = np.asarray(rates, dtype=np.float64)
    if rate.ndim != 1 or not rate.size or not (rate >= 0).all() or not 0 < rate.sum() < math.inf:
        raise InputError(f"{of}: {rate.size} rates: give one or more, finite, none below 0, one above 0")
    return rate


def _check_ttl(of: str, ttl_s: float, rate: Floats) -> None:
    if not (0 <= ttl_s < math.inf and _countable(rate, ttl_s)):
        raise InputError(f"{of}: ttl_s={ttl_s}: give a finite time >= 0")


def _countable(rate: Floats, time_s: float) -> bool:
    """Whether as many requests as come in this time are a number."""
    return float(rate.sum()) * float(time_s) < math.inf


def _shares(popularity: Popularity) -> Floats:
    shares = popularity.weights / popularity.weights.sum()
    return np.asarray(shares[shares > _NOBODY])


@dataclass(frozen=True)
class FittedPopularity:
    """What the requests' keys say. `keys` are those that exist, also the ones that were not asked for yet; `exponent` of
    Zipf's law, None where it does not fit. Intervals (90 %, that of the keys at least) only with the law."""

    popularity: Popularity
    keys: int
    exponent: float | None
    gap: float
    """Largest gap between cumulated shares, fitted and seen; of Zipf's law, also where it was not taken."""
    unseen: float
    """Share of the requests to come whose keys are not among those seen, as estimated by Good and Turing."""
    exponent_interval: tuple[float, float] | None = None
    keys_interval: tuple[int, int] | None = None


def fit_popularity(keys: npt.ArrayLike) -> FittedPopularity:
    """How often each key is asked for, from the keys of the requests (numbers, names or hashes, shape (requests,)).

    Zipf's law over N keys is fitted by two figures that need no ranking: the number of different keys seen, and the
    chance that two requests have the same key, sum p_i^2. Where it does not fit, the shares as seen are taken, with as many
    keys more as must exist. N is capped at 10,000,000: steep laws (exponents from 1.5 on) leave it open, `keys_interval`
    says how far. Raises InsufficientDataError below 100 requests and where no key came twice, InputError for missing keys.
    """
    counts = _counts(keys)
    different, n = counts.size, float(counts.sum())
    if n < LEAST_REQUESTS:
        raise InsufficientDataError(f"popularity: {n:.0f} requests with a cache key: at least {LEAST_REQUESTS} are needed")
    if different == n:
        raise InsufficientDataError(f"popularity: {n:.0f} requests, no cache key came twice: how often one comes back is not "
                                    "known: measure for longer, or give the number of keys as Popularity.zipf(keys, exponent)")
    meet, unseen = float((counts * (counts - 1)).sum() / (n * (n - 1))), float((counts == 1).sum() / n)
    exponent, gap = _zipf_exponent(meet, different, n), math.nan
    if exponent is not None:
        number = _zipf_keys(exponent, different, n)
        zipf = Popularity.zipf(number, exponent)
        gap = _gap(zipf, counts)
        if gap <= max(FITS, FITS_BY_CHANCE / math.sqrt(n)):
            ends = _exponent_interval(exponent, number, meet, different, n)
            number_ends = _keys_interval(ends, exponent, number, different, n)
            return FittedPopularity(zipf, number, exponent, gap, unseen, ends, number_ends)
    seen = _with_unseen(counts)
    return FittedPopularity(seen, seen.weights.size, None, gap, unseen)


def with_fitted_keys(workload: Workload, triggers: Collection[str]) -> Workload:
    """The workload with the keys of these triggers drawn from the popularity fitted to them, where they are a run's own.

    For a month made of a short run: repeated as they were, the keys of a few minutes would all be in the cache for ever.
    What was fitted is in the notes. Raises InsufficientDataError as `fit_popularity` does, with the trigger's name.
    """
    demands, notes = dict(workload.demands), list(workload.notes)
    for name in triggers:
        keys = demands[name].keys
        if isinstance(keys, np.ndarray):
            demands[name], note = _with_fitted_keys(name, demands[name], keys)
            notes.append(note)
    return replace(workload, demands=demands, notes=tuple(notes))


def _with_fitted_keys(name: str, demand: Demand, keys: Ints) -> tuple[Demand, str]:
    known = keys[keys >= 0]
    if known.size and (known == known[0]).all():
        return demand, f"{name}: all its requests had one cache key, and it is taken to be the only one."
    try:
        fitted = fit_popularity(known)
    except InsufficientDataError as error:
        raise InsufficientDataError(f"{name}: {error}") from None
    law = "shares as seen" if fitted.exponent is None or fitted.exponent_interval is None else (
        "Zipf's law with exponent {:.2f} ({:.2f} to {:.2f})".format(fitted.exponent, *fitted.exponent_interval))
    number = "" if fitted.keys_interval is None else " ({:,} to {:,})".format(*fitted.keys_interval)
    return replace(demand, keys=fitted.popularity), (
        f"{name}: its cache keys are drawn from {fitted.keys:,} keys{number}, {law}, fitted to {known.size:,} requests for "
        f"{np.unique(known).size:,} keys.")


def _counts(keys: npt.ArrayLike) -> Floats:
    """Requests by key, most first."""
    import pandas as pd

    given = pd.Series(keys) if np.ndim(keys) == 1 and np.size(keys) else pd.Series([], dtype=np.int64)
    if given.size != np.size(keys):
        raise InputError(f"popularity: keys of shape {np.shape(keys)}: give one row of them, a key a request")
    missing = int(given.isna().sum())
    if missing:
        raise InputError(f"popularity: {missing:,} of {given.size:,} keys are missing: leave these requests out, or give them a "
                         "key (requests without parameters have one in common)")
    counts = given.value_counts().to_numpy(np.float64)
    return np.asarray(counts[counts > 0])


def _with_unseen(counts: Floats) -> Popularity:
    """The shares as seen, but for keys that came up to five times: with the unseen ones they have what they had alone. The
    unseen have the share that came once; a key of theirs has no more than one that came once."""
    rare, once, twice = counts <= _RARE, int((counts == 1).sum()), int((counts == 2).sum())
    unseen = min(round(once * (once - 1) / (2 * (twice + 1))), MOST_KEYS)
    if not unseen:
        return Popularity(counts)
    requests = float(counts[rare].sum())
    seen = max(requests - once, requests * once / (once + unseen)) / requests
    return Popularity(np.concatenate([np.where(rare, counts * seen, counts), np.full(unseen, requests * (1 - seen) / unseen)]))


def _exponent_interval(exponent: float, number: int, meet: float, different: int, n: float) -> tuple[float, float]:
    """From the variance of the share of pairs that meet, were the requests drawn from the law."""
    from scipy.stats import norm

    ranks, width = _ranks(number)
    shares = ranks**-exponent / (ranks**-exponent * width).sum()
    twice, thrice = float((shares**2 * width).sum()), float((shares**3 * width).sum())
    variance = (4 * (n - 2) * (thrice - twice**2) + 2 * (twice - twice**2)) / (n * (n - 1))
    reach = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(max(variance, 0.0))
    low, high = (_zipf_exponent(each, different, n) for each in (max(meet - reach, 0.0), min(meet + reach, 1.0)))
    return min(exponent, 0.0 if low is None else low), MOST_EXPONENT if high is None else max(exponent, high)


def _keys_interval(exponents: tuple[float, float], exponent: float, number: int, different: int, n: float) -> tuple[int, int]:
    """From the ends of the exponent, and how far chance takes the number of different keys (Poisson requests)."""
    from scipy.stats import norm

    ranks, width = _ranks(number)
    missed = np.exp(-n * ranks**-exponent / (ranks**-exponent * width).sum())
    reach = float(norm.ppf((1 + LEVEL) / 2)) * math.sqrt(float((missed * (1 - missed) * width).sum()))
    low = _zipf_keys(exponents[0], max(1, math.floor(different - reach)), n)
    high = _zipf_keys(exponents[1], min(int(n), math.ceil(different + reach)), n)
    return max(different, min(number, low)), max(number, high)


def _zipf_exponent(meet: float, different: int, n: float) -> float | None:
    """The exponent with which two requests have the same key as often as they did, 0 where they had it less often than among
    keys that are alike, if chance alone may do that; None: there is none."""
    from scipy.optimize import brentq

    def too_often(exponent: float) -> float:
        ranks, width = _ranks(_zipf_keys(exponent, different, n))
        weights = ranks**-exponent
        total = (weights * width).sum()
        return float((weights**2 * width).sum() / total**2) - meet

    alike = too_often(0.0)
    if alike > 0:
        return 0.0 if alike**2 < _FEWER**2 * 2 * (meet + alike) / (n * (n - 1)) else None
    if too_often(MOST_EXPONENT) < 0:
        return None
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
