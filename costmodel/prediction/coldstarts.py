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
idle without a limit. Ranges: loads 0.01 to 1,000, idle limits of 30 to 6,000 durations, inits shorter than a
duration; a maximum age that binds, or longer inits, need the simulator.

Beside it the published birth-death chain (Mahmoudi, Khazaei, "Performance Modeling of Serverless Computing Platforms",
IEEE Transactions on Cloud Computing 2020), for comparison: its cold starts are 9 to 12 % off.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError

Floats = npt.NDArray[np.float64]

LOADS = (0.01, 1_000.0)
IDLE_DURATIONS = (30.0, 6_000.0)
MOST_PROVISIONED = 10_000
_NEGLIGIBLE = 1e-13
_LEVELS_ABOVE = 30
"""Levels above the provisioned ones that are looked at, at least."""
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
                provisioned: npt.ArrayLike = 0) -> ColdStarts:
    """The module's equations; arguments are numbers or arrays that broadcast. Raises InputError outside the ranges."""
    rate, duration, limit, n = np.broadcast_arrays(*(np.asarray(each, np.float64) for each in (
        arrival_rate, duration_s, idle_limit_s, provisioned)))
    _check("arrival_rate x duration_s", rate * duration, LOADS)
    _check("idle_limit_s / duration_s", limit / duration, IDLE_DURATIONS)
    _check("provisioned", n, (0, MOST_PROVISIONED))
    load = rate * duration
    order = np.argsort(load, axis=None)
    sums = _levels(load.ravel()[order], (limit / duration).ravel()[order], n.ravel()[order])
    share, environments, spill = (_unsorted(each, order, load.shape) for each in sums)
    return ColdStarts(share, environments, spill)


def _check(what: str, values: Floats, span: tuple[float, float]) -> None:
    low, high = span
    outside = values[~((values >= low * (1 - 1e-9)) & (values <= high * (1 + 1e-9)))]
    if outside.size:
        raise InputError(f"cold_starts: {what} = {outside[0]:g}: the closed form holds from {low:g} to {high:g}: simulate it")


def _unsorted(values: Floats, order: npt.NDArray[np.intp], shape: tuple[int, ...]) -> Floats:
    back = np.empty_like(values)
    back[order] = values
    return back.reshape(shape)


def _levels(load: Floats, limit: Floats, provisioned: Floats) -> tuple[Floats, Floats, Floats]:
    """Share, environments and spill, level by level; time in durations, loads ascending: the smaller ones are done first.
    With u = 1 a level's rate of arrival is the load."""
    last = np.maximum(_last_level(load), provisioned + _LEVELS_ABOVE)
    last = np.maximum.accumulate(last)
    share, environments, spill = np.zeros_like(load), np.zeros_like(load), np.ones_like(load)
    blocked, log_poisson = np.ones_like(load), -load
    mean, second = 1 / load, 2 / load**2
    for k in range(1, int(last[-1]) + 1):
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
    return share, environments + load * spill, spill


def _last_level(load: Floats) -> Floats:
    """Beyond it the levels are hardly ever entered."""
    from scipy.stats import poisson

    return np.asarray(poisson.isf(_NEGLIGIBLE, load)) + 2.0


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
    InputError for times and rates that are not above 0, and where more than half of `most` environments are busy."""
    times = (arrival_rate, warm_s, cold_s, idle_limit_s)
    if not all(0 < each < math.inf for each in times) or arrival_rate * warm_s > most / 2:
        raise InputError(f"birth_death: arrival_rate={arrival_rate}, warm_s={warm_s}, cold_s={cold_s}, idle_limit_s="
                         f"{idle_limit_s}: give numbers above 0, with at most {most / 2:g} environments busy")
    blocked = _erlang_b_up_to(most, arrival_rate * warm_s)
    refused = arrival_rate * blocked[:-1]
    births = refused / (1 + refused * cold_s)
    deaths = np.cumsum(_death_rates(arrival_rate * -np.diff(blocked), idle_limit_s, warm_s))
    with np.errstate(divide="ignore"):
        logs = np.concatenate([[0.0], np.cumsum(np.log(births) - np.log(deaths))])
    chance = np.exp(logs - logs.max())
    chance /= chance.sum()
    cold = float(chance @ blocked)
    response_s = float(chance @ (blocked * cold_s + (1 - blocked) * warm_s))
    return BirthDeath(cold, float(chance @ np.arange(most + 1)), arrival_rate * response_s, response_s)


def _erlang_b_up_to(most: int, load: float) -> Floats:
    blocked = np.ones(most + 1)
    for server in range(1, most + 1):
        blocked[server] = load * blocked[server - 1] / (server + load * blocked[server - 1])
    return blocked


def _death_rates(rate: Floats, idle_limit_s: float, warm_s: float) -> Any:
    """Of each server by its own arrivals: one over the time until a gap is longer than the idle limit."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        gap_s = idle_limit_s + warm_s
        within_s = (1 - np.exp(-rate * gap_s)) / rate - gap_s * np.exp(-rate * gap_s)
        lives_s = idle_limit_s + np.expm1(rate * idle_limit_s) * within_s
    return np.where(rate > 0, 1 / lives_s, 1 / idle_limit_s)
