"""The compiled loop of `replay`, in a file of its own: numba's cache does not see a change elsewhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Floats = npt.NDArray[np.float64]
MOST_ALIVE = 4096


@njit(cache=True)
def assign(start_s: Floats, busy_s: Floats, idle_limit_s: Floats, age_limit_s: Floats,
           quiet_limit_s: Floats) -> npt.NDArray[np.int64]:
    """The environment of each request, numbered in order of creation; limits drawn by request, all of shape (n,).

    An idle limit holds after that request, an age limit for the environment that it creates, a quiet limit for the
    pause of the whole function before it. Where there are quiet limits, an idle limit holds once another environment has
    worked meanwhile.
    """
    environment = np.empty(start_s.size, np.int64)
    alive, end, gone, old = (np.empty(MOST_ALIVE, np.int64), np.empty(MOST_ALIVE), np.empty(MOST_ALIVE),
                             np.empty(MOST_ALIVE))
    count, created, last_end = 0, 0, -np.inf
    for i in range(start_s.size):
        now = start_s[i]
        if now - last_end > quiet_limit_s[i]:
            count = 0
        best, kept = -1, 0
        for k in range(count):
            alone = quiet_limit_s[i] < np.inf and last_end <= end[k]
            limit = old[k] if alone else min(gone[k], old[k])
            if end[k] <= now and now > max(limit, end[k]):
                continue
            alive[kept], end[kept], gone[kept], old[kept] = alive[k], end[k], gone[k], old[k]
            if end[kept] <= now and (best < 0 or end[kept] > end[best]):
                best = kept
            kept += 1
        count = kept
        if best < 0:
            best = min(count, MOST_ALIVE - 1)
            alive[best], old[best] = created, now + age_limit_s[i]
            created += 1
            count = best + 1
        environment[i] = alive[best]
        end[best] = now + busy_s[i]
        gone[best] = end[best] + idle_limit_s[i]
        last_end = max(last_end, end[best])
    return environment
