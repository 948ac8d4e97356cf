"""Hit ratio of a cache in closed form, with the range in which it holds. An oracle for the simulator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError


def fixed_ttl_hit_ratio(rates: npt.ArrayLike, ttl_s: float) -> float:
    """Share of requests answered by a cache that keeps each entry for `ttl_s` after it was fetched.

    `rates`: requests per second of each key, shape (keys,), Poisson and independent. An entry serves the rate x ttl
    requests that follow the one that fetched it, so a key's hit ratio is rate ttl / (1 + rate ttl). Holds where
    fetching takes no time and the cache is large enough for all keys. Raises InputError for rates or ttl below 0.
    """
    rate = np.asarray(rates, dtype=np.float64)
    if rate.ndim != 1 or not rate.size or not (rate >= 0).all() or not rate.sum() > 0 or not ttl_s >= 0:
        raise InputError(f"fixed_ttl_hit_ratio: ttl_s={ttl_s}, {rate.size} rates: give rates >= 0, one above 0, ttl >= 0")
    hits = rate * rate * ttl_s / (1 + rate * ttl_s)
    return float(hits.sum() / rate.sum())
