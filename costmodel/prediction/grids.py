"""Every idle limit, or every number of provisioned environments, in one pass over the arrivals, exactly.

**Idle limits.** Under most-recently-used routing the k-th environment is idle exactly while fewer than k are busy. How long it has been
idle when it is needed is therefore the time since the busy count last fell from k to k - 1, whatever the idle limit is:
the request starts cold for every limit up to that time. Holds without limits on concurrency and without a maximum age,
and where a cold start keeps its environment busy as long as a warm one does (an init of 0.3 s in durations of 2 s: about
1 % off).

**Provisioned concurrency.** Let every request take the free environment with the lowest number. The first n are then busy
as if there were no others, whatever n is: with n provisioned, exactly the requests whose number is above n run on demand.
How long these take does not matter, so cold starts may be of any length. Holds where provisioned concurrency is constant,
never cut by the rate of 10 requests a second that each environment adds, and never reset by a timeout.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from costmodel.errors import InputError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class IdleTimes:
    """What one pass leaves: enough for any idle limit."""

    at_need_s: Floats
    """How long the environment that a request needs has been idle, ascending, shape (requests,); infinite for the first."""
    at_end_s: Floats
    """How long each environment has been idle when the last request comes, ascending."""
    span_s: float
    """From the first request to the last."""
    busy_s: float
    """Busy environment-seconds in it."""

    def cold_share(self, idle_limit_s: npt.ArrayLike) -> Floats:
        """Share of the requests that start cold, for each limit."""
        limit = _limits(idle_limit_s)
        return 1.0 - np.searchsorted(self.at_need_s, limit, side="left") / self.at_need_s.size

    def environments(self, idle_limit_s: npt.ArrayLike) -> Floats:
        """Mean number of environments, busy and idle, for each limit."""
        idle_s = _up_to(self.at_need_s[np.isfinite(self.at_need_s)], idle_limit_s) + _up_to(self.at_end_s, idle_limit_s)
        return (self.busy_s + idle_s) / self.span_s


def idle_times(time_s: Floats, busy_s: Floats) -> IdleTimes:
    """From arrivals [s], ascending, and how long each keeps an environment busy [s]. Raises InputError for fewer than two
    requests or times out of order."""
    _check("idle_times", time_s, busy_s)
    last_s = float(time_s[-1])
    ends = np.sort(time_s + busy_s)
    ends = ends[ends <= last_s]
    at_s, step = np.concatenate([ends, time_s]), np.concatenate([-np.ones(ends.size, np.int64), np.ones(time_s.size, np.int64)])
    order = np.argsort(at_s, kind="stable")
    at_s, step = at_s[order], step[order]
    level = np.cumsum(step) + (step < 0)
    by_level = np.argsort(level, kind="stable")
    at_s, step, level = at_s[by_level], step[by_level], level[by_level]
    needed, first = step > 0, np.append(True, level[1:] != level[:-1])
    gaps = np.where(first, np.inf, at_s - np.append(0.0, at_s[:-1]))[needed]
    left_idle = ~needed & np.append(first[1:], True)
    within = float(np.minimum(time_s + busy_s, last_s).sum() - time_s.sum())
    return IdleTimes(np.sort(gaps), np.sort(last_s - at_s[left_idle]), last_s - float(time_s[0]), within)


@dataclass(frozen=True, eq=False)
class Positions:
    """What one pass leaves: enough for any number of provisioned environments."""

    requests: Ints
    """Requests that took the environment of each number, shape (environments,): the first is number 1."""
    busy_s: Floats
    """How long each was busy, from the first request to the last."""
    span_s: float

    def spilled_share(self, provisioned: npt.ArrayLike) -> Floats:
        """Share of the requests that run on demand, for each number of provisioned environments."""
        return np.asarray(1.0 - _first(self.requests, provisioned) / self.requests.sum())

    def utilisation(self, provisioned: npt.ArrayLike) -> Floats:
        """Share of their time that the provisioned environments are busy; NaN for none."""
        given = np.asarray(provisioned, np.float64)
        return np.asarray(_first(self.busy_s, provisioned) / np.where(given > 0, given * self.span_s, np.nan))


def positions(time_s: Floats, busy_s: Floats) -> Positions:
    """From arrivals [s], ascending, and how long each keeps a provisioned environment busy [s]. Raises InputError as
    `idle_times` does."""
    _check("positions", time_s, busy_s)
    number = _numbers(np.asarray(time_s, np.float64), np.asarray(busy_s, np.float64))
    within_s = np.minimum(time_s + busy_s, time_s[-1]) - time_s
    return Positions(np.bincount(number), np.bincount(number, within_s).astype(np.float64), float(time_s[-1] - time_s[0]))


@njit(cache=True)
def _numbers(time_s: Floats, busy_s: Floats) -> Ints:
    """The free environment with the lowest number, from 0, for each request."""
    number = np.empty(time_s.size, np.int64)
    busy, free = [(np.inf, np.int64(0))], [np.int64(0)]
    for request in range(time_s.size):
        while busy[0][0] <= time_s[request]:
            heapq.heappush(free, heapq.heappop(busy)[1])
        number[request] = heapq.heappop(free)
        if not free:
            heapq.heappush(free, np.int64(len(busy)))
        heapq.heappush(busy, (time_s[request] + busy_s[request], number[request]))
    return number


def _first(values: npt.NDArray[Any], count: npt.ArrayLike) -> Floats:
    """Sum of so many of the first values, for each count."""
    given = np.asarray(count)
    if (given < 0).any() or (given != np.floor(given)).any():
        raise InputError(f"provisioned={given.tolist()}: give whole numbers of environments, zero or more")
    total = np.append(0.0, np.cumsum(values))
    return np.asarray(total[np.minimum(given, values.size).astype(np.int64)])


def _check(name: str, time_s: Floats, busy_s: Floats) -> None:
    ordered = time_s.size >= 2 and bool((np.diff(time_s) >= 0).all()) and time_s[0] < time_s[-1] < np.inf
    if not ordered or time_s.shape != busy_s.shape or not ((busy_s > 0) & np.isfinite(busy_s)).all():
        raise InputError(f"{name}: give two or more arrivals in ascending order, and how long each takes, above 0")


def _up_to(sorted_s: Floats, limit_s: npt.ArrayLike) -> Floats:
    """Sum of min(value, limit), for each limit."""
    limit = _limits(limit_s)
    below = np.searchsorted(sorted_s, limit)
    total = np.append(0.0, np.cumsum(sorted_s))
    longer = sorted_s.size - below
    return np.asarray(total[below] + longer * np.where(longer > 0, limit, 0.0))


def _limits(idle_limit_s: npt.ArrayLike) -> Floats:
    limit = np.asarray(idle_limit_s, np.float64)
    if not (limit >= 0).all():
        raise InputError(f"idle_limit_s={limit.tolist()}: give seconds of 0 or more")
    return limit
