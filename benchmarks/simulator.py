"""How many requests a second the simulator does on one core, at 2, 100 and 1,000 busy environments.

One function, Poisson arrivals, exponential durations of 2 s, an idle limit of 600 s, every rule switched on but none
that binds. The call is timed whole: allocation, kernel, looking durations up. Compilation is timed apart, and cached
between runs. `--json` prints the same figures as one object.
"""

from __future__ import annotations

import time

import numpy as np
from figures import print_figures

from costmodel.prediction.simulator import BUCKET, FUNCTION, NONE, POOL, ROUTE, TABLE_SIZE, Arrivals, Rules, simulate

REQUESTS = 4_000_000
DURATION_S = 2.0


def measure() -> dict[str, float]:
    figures = {"first_call_s": seconds(arrivals_of(2, 1_000))}
    for busy in (2, 100, 1000):
        arrivals = arrivals_of(busy, REQUESTS)
        figures[f"requests_per_s_{busy}"] = REQUESTS / min(seconds(arrivals) for _ in range(3))
    return figures


def seconds(arrivals: Arrivals) -> float:
    start = time.perf_counter()
    simulate(arrivals, RULES, seed=1)
    return time.perf_counter() - start


def arrivals_of(busy: int, n: int) -> Arrivals:
    times = np.cumsum(np.random.default_rng(busy).exponential(DURATION_S / busy, n))
    return Arrivals(times, np.zeros(n, dtype=np.int64), np.full(n, NONE))


def rules() -> Rules:
    durations = -np.log1p(-(np.arange(TABLE_SIZE) + 0.5) / TABLE_SIZE)
    durations *= DURATION_S / durations.mean()
    function = {"scaling_bucket": 3, "provisioned_bucket": 3, "idle_top": NONE}
    return Rules(
        np.array([(0, 1, 0.0)], dtype=ROUTE), np.array([(1e9, 1e9, 1e9, 0.0)] * 4, dtype=BUCKET),
        np.array([(10_000, 2, 0)], dtype=POOL),
        np.array([tuple(function.get(name, 0) for name in FUNCTION.names or ())], dtype=FUNCTION),
        np.stack([durations, durations, np.full(TABLE_SIZE, 0.3)])[np.newaxis],
        np.stack([np.linspace(570, 630, TABLE_SIZE), np.linspace(3600, 7200, TABLE_SIZE), np.linspace(618, 660, TABLE_SIZE)]),
    )


RULES = rules()

if __name__ == "__main__":
    print_figures(__doc__, measure)
