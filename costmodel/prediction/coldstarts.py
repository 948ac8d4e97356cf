"""Cold starts and environments in closed form, for thousands of configurations at once.

Poisson arrivals (rate a/s) of mean duration 1/u, load r = a/u, an idle limit T, most-recently-used routing. Then the
k-th environment is idle exactly while fewer than k are busy, so its idle times are the times that the busy count of an
M/M/inf queue spends below k after it fell from k. Of these the first two moments are known (m_k, v_k), and their tail is
taken as exponential from there on:

    m_k = 1 / (a B(k-1))          B: Erlang B
    v_1 = 2 / a^2,   v_k = [2/s^2 + (2q/s)(m_{k-1} + m_k) + q (v_{k-1} + 2 m_{k-1} m_k)] / (1 - q)
                     s = a + (k-1) u,   q = (k-1) u / s
    cold share   = sum_k p_{k-1} m_k t_k exp(-t_k T)          p: Poisson(r),  t_k = 2 m_k / v_k
    environments = r + sum_k a p_{k-1} m_k (1 - exp(-t_k T))

With n provisioned environments the spill is B(n), and the k-th environment, k > n, is busy for a share
b_k = r (B(k-1) - B(k)) of the time, as under ordered search. Its idle times then have the mean (1 - b_k) / (a (B(k-1) -
B(k))), and their tail the same t_k: the sums over k > n hold with 1 - b_k for a p_{k-1} m_k, the mean number that would be
idle without a limit. Ranges: loads 0.00001 to 1,000, idle limits of 30 to 1,000,000 durations (a limit of ten minutes:
durations of 0.6 ms to 20 s), durations whose coefficient of variation is at most 2, inits no longer than a duration; a
maximum age that binds needs the simulator.

How far off: beside simulations with exponential, lognormal and constant durations, cold shares are 1.5 % off on average and
12 % at worst, environments 0.4 % and 2 % (`benchmarks/closed_forms.py`). With provisioned environments, cold shares are
2 to 5 % off; the on-demand environments, few then, 1 to 3 %, and 16 % at worst. Outside the ranges: at a coefficient of
variation of 5 cold shares are 8 % off on average, where one duration in a hundred is longer than the idle limit 25 %, and
inits of 3 to 5 durations leave them 6 to 12 % too low.

Beside it the published birth-death chain (Mahmoudi, Khazaei, "Performance Modeling of Serverless Computing Platforms",
IEEE Transactions on Cloud Computing 2020), for comparison: its cold starts are 9 to 12 % off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError

Floats = npt.NDArray[np.float64]

LOADS = (1e-5, 1_000.0)
IDLE_DURATIONS = (30.0, 1_000_000.0)
MOST_PROVISIONED = 10_000
MOST_VARIATION = 2.0
LONGEST_INIT = 1.0
"""In durations."""
_NEGLIGIBLE = 1e-13
_LEVELS_ABOVE = 30
"""Levels above the provisioned ones that are looked at, at least."""
_NEVER_SPILLS_LOG = 200.0
"""With a spill below exp(-200) more provisioned environments change nothing."""
_TINY = 1e-6
"""Requests within a gap, expected, that do not lengthen a life."""
_LEAST = 1e-100
"""Below it the square of a time between two calls of a level is too large a number."""


@dataclass(frozen=True, eq=False)
class ColdStarts:
    """By configuration, in the shape of what was given."""

    share: Floats
    """Of all requests, those that start cold."""
    environments: Floats
    """Mean of on-demand environments, busy and idle."""
    spill: Floats
    """Of all requests, those that find the provisioned environments busy; 1 where there are none."""


def cold_starts(arrival_rate: npt.ArrayLike, duration_s: npt.ArrayLike, idle_limit_s: npt.ArrayLike,
                provisioned: npt.ArrayLike = 0, *, variation: npt.ArrayLike = 1.0, init_s: npt.ArrayLike = 0.0) -> ColdStarts:
    """The module's equations; arguments are numbers or arrays that broadcast. The result does not depend on `variation`, the
    durations' coefficient of variation, nor on `init_s`: they say whether it holds. Raises InputError outside the ranges."""
    rate, duration, limit, n, spread, init = _broadcast(arrival_rate, duration_s, idle_limit_s, provisioned, variation, init_s)
    if not (duration > 0).all():
        raise InputError(f"cold_starts: duration_s = {duration[~(duration > 0)][0]:g}: give a time above 0")
    with np.errstate(over="ignore", invalid="ignore"):
        load, limit, init = rate * duration, limit / duration, init / duration
    _check("arrival_rate x duration_s", load, LOADS)
    _check("idle_limit_s / duration_s", limit, IDLE_DURATIONS)
    _check("provisioned", n, (0, MOST_PROVISIONED))
    _check("variation", spread, (0, MOST_VARIATION))
    _check("init_s / duration_s", init, (0, LONGEST_INIT))
    if (n % 1).any():
        raise InputError(f"cold_starts: provisioned = {n[n % 1 > 0][0]:g}: give whole numbers of environments")
    share, environments, spill = (each.reshape(load.shape) for each in _levels(load.ravel(), limit.ravel(), n.ravel()))
    return ColdStarts(share, environments, spill)


def _broadcast(*given: npt.ArrayLike) -> tuple[Floats, ...]:
    arrays = [np.asarray(each, np.float64) for each in given]
    try:
        return tuple(np.broadcast_arrays(*arrays))
    except ValueError:
        shapes = ", ".join(str(each.shape) for each in arrays)
        raise InputError(f"cold_starts: arguments of shapes {shapes}: give numbers, or arrays that broadcast") from None


def _check(what: str, values: Floats, span: tuple[float, float]) -> None:
    low, high = span
    outside = values[~((values >= low * (1 - 1e-9)) & (values <= high * (1 + 1e-9)))]
    if outside.size:
        raise InputError(f"cold_starts: {what} = {outside[0]:.10g}: the closed form holds from {low:g} to {high:g}: simulate it")


def _levels(load: Floats, limit: Floats, provisioned: Floats) -> list[Floats]:
    """Share, environments and spill, level by level; time in durations. Those with few levels come first and are done first.
    With u = 1 a level's rate of arrival is the load."""
    provisioned = np.minimum(provisioned, _never_spilling(load))
    last = np.maximum(_last_level(load), provisioned + _LEVELS_ABOVE)
    order = np.argsort(last)
    load, limit, provisioned, last = load[order], limit[order], provisioned[order], last[order]
    share, environments, spill = np.zeros_like(load), np.zeros_like(load), np.ones_like(load)
    blocked, log_poisson = np.ones_like(load), -load
    mean, second = 1 / load, 2 / load**2
    for k in range(1, int(last.max(initial=0)) + 1):
        at = slice(int(np.searchsorted(last, k)), None)
        r, n = load[at], provisioned[at]
        if k > 1:
            mean_before, mean[at] = mean[at].copy(), 1 / (r * blocked[at])
            second[at] = _second_moment(k, r, (mean_before, mean[at]), second[at])
        before, blocked[at] = blocked[at].copy(), np.maximum(r * blocked[at] / (k + r * blocked[at]), _LEAST)
        decay = 2 * mean[at] / second[at]
        survive = np.exp(-decay * limit[at])
        idle = np.where(n > 0, 1 - r * (before - blocked[at]), r * np.exp(log_poisson[at]) * mean[at])
        counts = np.where(k > n, idle, 0.0)
        share[at] += counts * decay / r * survive
        environments[at] += counts * (1 - survive)
        spill[at] = np.where(k == n, blocked[at], spill[at])
        log_poisson[at] += np.log(r / k)
    back = np.argsort(order)
    return [each[back] for each in (share, environments + load * spill, spill)]


def _last_level(load: Floats) -> Floats:
    """Beyond it the levels are hardly ever entered."""
    from scipy.stats import poisson

    return np.asarray(poisson.isf(_NEGLIGIBLE, load), np.float64) + 2.0


def _never_spilling(load: Floats) -> Floats:
    """So many environments that hardly ever all are busy: Bernstein's bound of the Poisson tail."""
    third = _NEVER_SPILLS_LOG / 3
    return np.asarray(np.ceil(load + third + np.sqrt(third**2 + 2 * _NEVER_SPILLS_LOG * load)))


def _second_moment(k: int, r: Floats, mean: tuple[Floats, Floats], second: Floats) -> Floats:
    before, here = mean
    s = r + (k - 1)
    q = (k - 1) / s
    with np.errstate(over="ignore"):  # levels that are never entered: infinite, and they add nothing
        return np.asarray((2 / s**2 + 2 * q / s * (before + here) + q * (second + 2 * before * here)) / (1 - q))


@dataclass(frozen=True)
class BirthDeath:
    """What the published chain says of one configuration: shares and means."""

    cold_share: float
    environments: float
    busy: float
    response_s: float


def birth_death(arrival_rate: float, warm_s: float, cold_s: float, idle_limit_s: float, most: int = 1_000) -> BirthDeath:
    """The published chain over the number of warm environments, up to `most`; for comparison with `cold_starts`. Raises
    InputError for times and rates that are not above 0, and where more than half of `most` environments are busy or the
    chain would go beyond them."""
    if most < 1 or most % 1:
        raise InputError(f"birth_death: most={most}: give a whole number of environments")
    times = (arrival_rate, warm_s, cold_s, idle_limit_s)
    if not all(0 < each < math.inf for each in times) or arrival_rate * warm_s > most / 2:
        raise InputError(f"birth_death: arrival_rate={arrival_rate}, warm_s={warm_s}, cold_s={cold_s}, idle_limit_s="
                         f"{idle_limit_s}: give numbers above 0, with at most {most / 2:g} environments busy")
    blocked = _erlang_b_up_to(int(most), arrival_rate * warm_s)
    refused = arrival_rate * blocked[:-1]
    deaths = np.logaddexp.accumulate(-_log_lives_s(arrival_rate * -np.diff(blocked), idle_limit_s, warm_s))
    with np.errstate(divide="ignore"):
        births = np.log(refused) - np.log1p(refused * cold_s)
    logs = np.concatenate([[0.0], np.cumsum(births - deaths)])
    chance = np.exp(logs - logs.max())
    chance /= chance.sum()
    if chance[-1] > _NEGLIGIBLE:
        raise InputError(f"birth_death: most={most}: the chain reaches them all: give more")
    cold = float(chance @ blocked)
    response_s = float(chance @ (blocked * cold_s + (1 - blocked) * warm_s))
    return BirthDeath(cold, float(chance @ np.arange(most + 1)), arrival_rate * response_s, response_s)


def _erlang_b_up_to(most: int, load: float) -> Floats:
    blocked = np.ones(most + 1)
    for server in range(1, most + 1):
        blocked[server] = load * blocked[server - 1] / (server + load * blocked[server - 1])
    return blocked


def _log_lives_s(rate: Floats, idle_limit_s: float, warm_s: float) -> Floats:
    """Of each server by its own arrivals, how long until a gap is longer than the idle limit; the logarithm, for the lives of
    busy servers are beyond any number."""
    idle, gap = rate * idle_limit_s, rate * (idle_limit_s + warm_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        gaps = idle + np.log1p(-np.exp(-idle))
        within_s = np.log1p(-(1 + gap) * np.exp(-gap)) - np.log(rate)
        lives = np.logaddexp(math.log(idle_limit_s), gaps + within_s)
    return np.where(gap > _TINY, lives, math.log(idle_limit_s))
