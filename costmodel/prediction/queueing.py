"""Closed forms of queueing, with the range in which each holds; outside it they refuse.

Rates are per second, loads in erlang (arrival rate x mean time busy). They are oracles for the simulator, and prune
what is not worth simulating. Cold starts and environments have a module of their own, `coldstarts`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.polynomial import chebyshev

from costmodel.errors import InputError

MOST_SERVERS = 1_000_000
MOST_BURST = 100_000
MOST_LOAD = 20.0
"""Arrivals per token: above it, the polynomial pieces are too coarse."""
_DEGREE = 30
_LARGE = 1e100


def erlang_b(servers: int, load: float) -> float:
    """Share of Poisson arrivals that find all `servers` busy and leave; any distribution of the time busy.

    The provisioned concurrency that spills over: B(0) = 1, B(n) = load B(n-1) / (n + load B(n-1)). Holds for 0 to
    1,000,000 servers and a load >= 0. (Erlang 1917.)
    """
    if not 0 <= servers <= MOST_SERVERS or servers % 1 or not 0 <= load < math.inf:
        raise InputError(f"erlang_b: servers={servers}, load={load}: give a whole number of 0 to {MOST_SERVERS:,} servers "
                         "and a load >= 0")
    blocked, load = 1.0, float(load)
    for server in range(1, int(servers) + 1):
        blocked = load * blocked / (server + load * blocked)
    return blocked


def erlang_c(servers: int, load: float) -> float:
    """Share of Poisson arrivals that must wait for one of `servers`, exponential times busy, none leaves.

    C = n B / (n - load (1 - B)). Holds for a load below the servers. (Erlang 1917.)
    """
    if not 0 <= load < servers:
        raise InputError(f"erlang_c: servers={servers}, load={load}: give a load below the servers, else the queue has no end")
    blocked = erlang_b(servers, load)
    return servers * blocked / (servers - load * (1 - blocked))


def mean_busy(arrival_rate: float, duration_s: float) -> float:
    """Mean number of environments busy at once, by Little's law: arrival rate x mean time busy. Any arrivals, any
    durations, where nothing is throttled."""
    busy = arrival_rate * duration_s
    if not (0 <= arrival_rate < math.inf and 0 <= duration_s < math.inf and busy < math.inf):
        raise InputError(f"mean_busy: arrival_rate={arrival_rate}, duration_s={duration_s}: give finite numbers, zero or more")
    return busy


def token_bucket_reject(arrival_rate: float, rate: float, burst: float) -> float:
    """Share of Poisson arrivals that a token bucket (`rate`/s, size `burst`) rejects in the long run. Exact, but for rounding:
    within 1e-10. A bucket that is full at first rejects less until its burst is spent.

    What the bucket lacks is the work of a single server whose jobs take 1/rate and which turns away whoever finds more
    than burst - 1 jobs waiting. With p = arrival_rate / rate and x = burst - 1

        reject = 1 - G(x) / (1 + p G(x)),   G' = p (G(x) - G(x - 1)),   G = exp(p x) on [0, 1]

    solved piece by piece with Chebyshev polynomials. Holds for p up to 20 and bursts of 1 to 100,000.
    """
    p = float(arrival_rate) / float(rate) if 0 < rate < math.inf else math.nan
    if not 0 < p <= MOST_LOAD or not 1 <= burst <= MOST_BURST:
        raise InputError(f"token_bucket_reject: arrival_rate={arrival_rate}, rate={rate}, burst={burst}: give rates above 0, up to "
                         f"{MOST_LOAD:g} arrivals a token, and a burst of 1 to {MOST_BURST:,}")
    grown = _token_bucket_growth(p, float(burst) - 1)
    return max(0.0, (1 / grown + (p - 1)) / (1 / grown + p))


def _token_bucket_growth(p: float, x: float) -> float:
    """G(x). Once it is beyond 1e100 the rejected share no longer depends on it."""
    if x <= 1:
        return math.exp(p * x)
    nodes = chebyshev.chebpts2(_DEGREE + 1)
    values = np.exp(p * (nodes + 1) / 2)
    solve = _piece_solver(p)
    for _ in range(1, math.ceil(x)):
        values = solve @ np.concatenate([values[-1:], -p * values[1:]])
        if values[-1] > _LARGE:
            return float(values[-1])
    within = x - (math.ceil(x) - 1)
    return float(chebyshev.chebval(2 * within - 1, chebyshev.chebfit(nodes, values, _DEGREE)))


def _piece_solver(p: float) -> npt.NDArray[np.floating[Any]]:
    """The matrix that takes (value at the piece's start, right-hand side at the other nodes) to values at the nodes."""
    nodes = chebyshev.chebpts2(_DEGREE + 1)
    basis = chebyshev.chebvander(nodes, _DEGREE)
    slopes = np.stack([chebyshev.chebval(nodes, chebyshev.chebder(row)) for row in np.eye(_DEGREE + 1)], axis=1)
    system = np.concatenate([basis[:1], (2 * slopes - p * basis)[1:]])
    return basis @ np.linalg.inv(system)
