"""Every idle limit in one pass over the arrivals, exactly.

Under most-recently-used routing the k-th environment is idle exactly while fewer than k are busy. How long it has been
idle when it is needed is therefore the time since the busy count last fell from k to k - 1, whatever the idle limit is:
the request starts cold for every limit up to that time. Holds without limits on concurrency and without a maximum age,
and where a cold start keeps its environment busy as long as a warm one does (an init of 0.3 s in durations of 2 s: about
1 % off).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.errors import InputError

Floats = npt.NDArray[np.float64]


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
        limit = np.asarray(idle_limit_s, np.float64)
        return 1.0 - np.searchsorted(self.at_need_s, limit, side="left") / self.at_need_s.size

    def environments(self, idle_limit_s: npt.ArrayLike) -> Floats:
        """Mean number of environments, busy and idle, for each limit."""
        idle_s = _up_to(self.at_need_s[np.isfinite(self.at_need_s)], idle_limit_s) + _up_to(self.at_end_s, idle_limit_s)
        return (self.busy_s + idle_s) / self.span_s


def idle_times(time_s: Floats, busy_s: Floats) -> IdleTimes:
    """From arrivals [s], ascending, and how long each keeps an environment busy [s]. Raises InputError for fewer than two
    requests or times out of order."""
    if time_s.size < 2 or (np.diff(time_s) < 0).any() or time_s[0] == time_s[-1] or not (busy_s > 0).all():
        raise InputError("idle_times: give two or more arrivals in ascending order, and how long each takes, above 0")
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


def _up_to(sorted_s: Floats, limit_s: npt.ArrayLike) -> Floats:
    """Sum of min(value, limit), for each limit."""
    limit = np.asarray(limit_s, np.float64)
    below = np.searchsorted(sorted_s, limit)
    total = np.append(0.0, np.cumsum(sorted_s))
    return np.asarray(total[below] + (sorted_s.size - below) * limit)
