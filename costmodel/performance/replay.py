"""What a lifetime law makes of one function's arrivals: which environment answers each, and which is a cold start.

A request goes to the environment that was used last of those that are idle and still there (99.7 % of the choices in
requests_2020), else to a new one. Without limits, throttles or provisioned concurrency: the simulator has those. This
is for laws: it tells environments apart, as a measured run does.

Times [s] from the start of the run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from costmodel.performance.distributions import Floats
from costmodel.performance.lifetime import Lifetime

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Window:
    """One function's invocations in ascending order of start, shape (n,): a run, or a piece of production."""

    start_s: Floats
    busy_s: Floats
    environment: Ints

    @property
    def cold(self) -> npt.NDArray[np.bool_]:
        """Whether an invocation is the first of its environment in the window."""
        first = np.unique(self.environment, return_index=True)[1]
        cold = np.zeros(self.environment.size, dtype=bool)
        cold[first] = True
        return cold

    def environments(self, from_s: float, to_s: float, keep_s: float) -> float:
        """Mean number of environments, each counted from its first invocation to `keep_s` after its last one ended."""
        order = np.argsort(self.environment, kind="stable")
        starts = np.searchsorted(self.environment[order], np.unique(self.environment))
        first = np.minimum.reduceat(self.start_s[order], starts)
        last = np.maximum.reduceat((self.start_s + self.busy_s)[order], starts) + keep_s
        counted = np.maximum(np.minimum(last, to_s) - np.maximum(first, from_s), 0.0)
        return float(counted.sum() / (to_s - from_s))


def replay(start_s: Floats, busy_s: Floats, law: Lifetime, rng: np.random.Generator) -> Window:
    """The window that these arrivals make under the law, from no environment at all. Both of shape (n,)."""
    from costmodel.performance.replay_kernel import assign  # compiled: a fit needs no numba

    n = start_s.size
    quiet = law.function_idle_s
    limits = (
        rng.choice(law.idle_s.quantiles, n), rng.choice(law.maximum_age_s.quantiles, n),
        np.full(n, np.inf) if quiet is None else rng.choice(quiet.quantiles, n),
    )
    return Window(start_s, busy_s, assign(start_s, busy_s, *limits))
